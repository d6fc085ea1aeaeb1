"""The stand-in for Telegram in tests: a process of its own, spoken to over HTTP, as Perch does.

    with BotApi() as api:
        phone = api.phone("Alice", username="alice_a")
        phone.start("code")                        # /start code
        message = phone.await_message("Welcome")   # what the bot wrote
        phone.press(message, "Mute 1 h")
        api.fault("error", method="sendMessage", chat=phone.id, code=429, retry_after=5)
        assert [call["text"] for call in api.calls("sendMessage", phone)] == ["Welcome …"]

api.address is the API's base, api.token_file holds the token, api.name is the bot's username.
"""

import os
import subprocess
import tempfile
from pathlib import Path

import requests

from perchtest import wait_for

RUN = Path(__file__).resolve().parent / "run"
TOKEN = "7000000001:AAE-this-is-a-token-of-nobody-at-all"


class BotApi:
    def __init__(self, token=TOKEN, name="perch_bot", tls=None, port=0):
        self.token, self.name, self.tls, self.port = token, name, tls, port
        self.folder = tempfile.TemporaryDirectory(prefix="perch-botapi-", dir=os.environ.get("PERCH_TEST_TMP"))
        self.token_file = Path(self.folder.name) / "token"
        self.token_file.write_text(token + "\n")
        self.token_file.chmod(0o600)
        self.session = requests.Session()
        self.session.trust_env, self.session.verify = False, tls[0] if tls else True
        self.address = self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    def start(self):
        """Also after stop(): at the same address, with nothing known of what was before."""
        command = [RUN, "--port", str(self.port), "--token-file", self.token_file, "--name", self.name]
        command += ["--tls", *self.tls] if self.tls else []
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().strip()
        assert self.address, "the stand-in for Telegram did not start"
        self.port = int(self.address.rpartition(":")[2])
        return self

    def stop(self):
        """Telegram is out of reach."""
        self.process.terminate()
        self.process.wait(10)
        self.process.stdout.close()
        self.process = None

    def close(self):
        if self.process:
            self.stop()
        self.session.close()
        self.folder.cleanup()

    # What the bot does.

    def bot(self, method, **arguments):
        """The reply to a call of the bot, as JSON."""
        return self.session.post(f"{self.address}/bot{self.token}/{method}", json=arguments, timeout=90).json()

    # What Telegram does, and what tests want to know.

    def control(self, call, **arguments):
        reply = self.session.post(f"{self.address}/_control/{call}", json=arguments, timeout=30)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def phone(self, first_name="Alice", **person):
        """Somebody new: id, last_name, username, language_code; not yet in touch with the bot, unless `started`."""
        return Phone(self, self.control("make_chat", first_name=first_name, **person)["id"])

    def fault(self, kind, method=None, chat=None, times=1, **details):
        """What goes wrong with the next calls, `times` of them, None for all: see Faults of server.py."""
        self.control("fault", kind=kind, method=method, chat=getattr(chat, "id", chat), times=times, **details)

    def heal(self):
        self.control("clear_faults")

    def limits(self, per_chat_s=1.0, per_second=30):
        """Seconds between two messages to a chat, and messages a second in all; 0: unlimited."""
        self.control("limits", per_chat_s=per_chat_s, per_second=per_second)

    def reset(self):
        """Everything as after the start: nobody there, nothing written, nothing wrong."""
        self.control("reset")

    def restart_updates(self, first=None):
        """The ids of updates go on somewhere else."""
        self.control("restart_updates", first=first)

    def push_update(self, kind, value):
        """An update of the test's own making, with whatever in it."""
        self.control("push_update", kind=kind, value=value)

    def repeat_update(self):
        """The last update once more, under a new id."""
        self.control("repeat_update")

    def calls(self, method=None, chat=None, after=0):
        """The log, or the calls of a method, to a chat, after a number, in their order: n, at, method, chat, text,
        parameters, fault, executed, status (0: no answer was sent; None: under way), description, result, seconds."""
        return self.control("log", method=method, chat=getattr(chat, "id", chat), after=after)

    def await_calls(self, count, method=None, chat=None, after=0, timeout=10):
        """The calls of that kind, once there are so many."""
        def enough():
            calls = self.calls(method, chat, after)
            return calls if len(calls) >= count else None
        return wait_for(enough, timeout, f"{count} calls of {method or 'the bot'}")


class Phone:
    """One person. Messages are the JSON objects of the Bot API."""

    def __init__(self, api, chat_id):
        self.api, self.id = api, chat_id

    def act(self, call, **arguments):
        return self.api.control(call, chat=self.id, **arguments)

    def start(self, payload=""):
        return self.act("start", payload=payload)

    def open(self, link):
        """Follows https://t.me/<bot>?start=<payload>."""
        return self.act("open", link=link)

    def say(self, text, reply_to=None):
        return self.act("say", text=text, reply_to=reply_to and reply_to["message_id"])

    def send(self, kind, reply_to=None):
        """A "sticker" or a "photo"."""
        return self.act("send_media", kind=kind, reply_to=reply_to and reply_to["message_id"])

    def edit(self, message, text):
        return self.act("edit", message_id=message["message_id"], text=text)

    def press(self, message, button):
        """Taps on the button with this label or data; {"url"} of a link, {"callback_query_id"} else."""
        return self.act("press", message_id=message["message_id"], button=button)

    def block(self):
        self.act("block", blocked=True)

    def unblock(self):
        self.act("block", blocked=False)

    def messages(self):
        """All that are on the screen, in their order."""
        return self.act("chat")["messages"]

    def received(self):
        """Those of the bot."""
        return [message for message in self.messages() if message["from"]["is_bot"]]

    def answers(self):
        """What the bot answered to taps: data, text, show_alert."""
        return self.act("chat")["answers"]

    def await_message(self, text, timeout=10):
        """The newest message of the bot with this text in it."""
        def found():
            return next((m for m in reversed(self.received()) if text in m["text"]), None)
        return wait_for(found, timeout, f"a message with {text!r}")
