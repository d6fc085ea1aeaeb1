"""Waiting for conditions: tests never sleep for a fixed time and hope."""

import time

LONGEST_PAUSE = 0.1

# A wait of this many seconds or more is no promise of the product's, only the time after which hope is lost; on a machine
# that does much else, that is later.
HOPE = 5
PATIENCE = 3


def patient(timeout):
    """How long a test that says `timeout` waits in truth."""
    return timeout * PATIENCE if timeout >= HOPE else timeout


def wait_for(condition, timeout=10.0, what=None):
    """Call `condition` until it returns something true and return that; AssertionError after patient(timeout) seconds.

    An exception of `condition` ends the wait; return something false for "not yet".
    """
    timeout = patient(timeout)
    deadline = time.monotonic() + timeout
    pause = 0.002
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() >= deadline:
            name = what or getattr(condition, "__name__", repr(condition))
            raise AssertionError(f"waited {timeout} s in vain for: {name}")
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)
