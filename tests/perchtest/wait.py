"""Waiting for conditions: tests never sleep for a fixed time and hope."""

import time

LONGEST_PAUSE = 0.1


def wait_for(condition, timeout=10.0, what=None):
    """Call `condition` until it returns something true and return that; AssertionError after `timeout` seconds.

    An exception of `condition` ends the wait; return something false for "not yet".
    """
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
