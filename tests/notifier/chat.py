"""Somebody writes to the bot, and the bot answers."""

from notifier.rig import texts
from perchtest import wait_for


def asked(phone, text, reply=None):
    """What the bot answers to this text."""
    known = len(phone.received())
    phone.say(text, reply)
    return wait_for(lambda: texts(phone)[known:], 10, f"an answer to {text}")[0]


def tell(world):
    """(alice, bob, phone, message): Alice wrote to Bob, whose phone shows it."""
    alice, (bob, phone) = world.person("Alice"), world.linked("Bob")
    alice.send(bob, "hello")
    return alice, bob, phone, phone.await_message("Alice: hello")


def bodies(person, peer):
    return [message["body"] for message in person.history(peer)["messages"]]
