"""What every test of Perch stands on: real servers on private sockets, and people who talk to them.

    from perchtest import wait_for

    def test_a_message_arrives(perch):
        alice, bob = perch.person("alice"), perch.person("bob")
        cursor = bob.cursor()
        sent = alice.send(bob, "hello")
        reply = bob.poll(cursor)
        assert [e["message"]["id"] for e in reply["events"]] == [sent["id"]]

`perch` (one instance for each pytest-xdist worker, development limits) and `perch_factory` (an instance of
your own with settings of your own) are fixtures of tests/conftest.py.
"""

from .client import Client, response_hooks
from .instance import Instance, Service, free_port
from .wait import wait_for

__all__ = ["Client", "Instance", "Service", "free_port", "response_hooks", "wait_for"]
