"""What Telegram keeps of one bot: chats with their messages, the updates that wait for the bot, and the limits. Strings
and rules are those of the Bot API server (github.com/tdlib/telegram-bot-api) as far as a bot for private chats sees them.

What it leaves out: markup (parse_mode), groups, media from the bot, and the pauses by which Telegram slows down pollers
that are too eager.
"""

import asyncio
import json
import math
import random
import re
import time
from collections import deque

FARTHEST = 2_000_000  # an offset farther from the next update's id than this is not believed
LIFETIME_S = 24 * 3600
CALLBACK_LIFETIME_S = 150
REPLY_BYTES_MAX = 1 << 22
KINDS = ("message", "edited_message", "callback_query", "my_chat_member")  # those that are made here
ID_MAX = 2**52 - 1
PAYLOAD = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Refused(Exception):
    """What Telegram says instead of a result."""

    def __init__(self, code, description, retry_after=None):
        super().__init__(description)
        self.code, self.description = code, description
        self.body = {"ok": False, "error_code": code, "description": description}
        if retry_after is not None:
            self.body["parameters"] = {"retry_after": retry_after}


def bad_request(description):
    return Refused(400, f"Bad Request: {description}")


class Impossible(Exception):
    """What a person cannot do with their phone."""


class Updates:
    """The queue of the bot's updates. One poll waits at a time: a second one takes its place."""

    def __init__(self):
        self.queue, self.allowed = [], KINDS  # the queue's items: (id, until when, update)
        self.poll = None  # the future of the poll that waits
        self.arrived = asyncio.Event()  # for the webhook
        self.last = None
        self.restart()

    def restart(self, first=None):
        """Ids go on from anywhere, as they do after a quiet week; those that wait get new ones."""
        waiting, self.queue = self.queue, []
        self.next = first or random.randrange(FARTHEST + 1, 2**30)
        for _, until, update in waiting:
            self.append(until, update)

    def append(self, until, update):
        self.queue.append((self.next, until, {**update, "update_id": self.next}))
        self.next += 1
        self.arrived.set()
        if self.poll and not self.poll.done():
            self.poll.set_result(None)

    def push(self, kind, value, lifetime=LIFETIME_S):
        if kind in self.allowed:
            self.last = {kind: json.loads(json.dumps(value))}  # as it is now, whatever becomes of the message
            self.append(time.monotonic() + lifetime, self.last)

    def allow(self, kinds):
        """Sticks. An empty list is the default again; None changes nothing."""
        if isinstance(kinds, list):
            self.allowed = [kind for kind in KINDS if kind in kinds] if kinds else KINDS

    def forget(self, before=None):
        """Drops what is older than this id (None: everything), and what is too old."""
        now = time.monotonic()
        self.queue = [item for item in self.queue if before is not None and item[0] >= before and item[1] > now]

    def take(self, offset, limit):
        """Confirms what is below the offset and returns what follows. A negative offset counts from the end."""
        head = self.queue[0][0] if self.queue else self.next
        if offset < 0:
            offset += self.next
        if not max(head, self.next - FARTHEST) <= offset <= self.next + 10:
            offset = head
        self.forget(offset)
        left, found = REPLY_BYTES_MAX, []
        for _, _, update in self.queue[:limit]:
            left -= 50 + len(json.dumps(update))
            if left <= 0:
                break
            found.append(update)
        return found

    def interrupt(self, by):
        if self.poll and not self.poll.done():
            self.poll.set_exception(Refused(409, f"Conflict: terminated by {by}"))
        self.poll = None

    async def get(self, offset, limit, timeout):
        found = self.take(offset, limit)
        if found or not timeout:
            return found
        self.interrupt("other getUpdates request; make sure that only one bot instance is running")
        poll = self.poll = asyncio.get_running_loop().create_future()
        try:
            await asyncio.wait_for(poll, timeout)
        except TimeoutError:
            pass
        finally:
            if self.poll is poll:
                self.poll = None
        return self.take(offset, limit)


class Limits:
    """One message a second to a chat, 30 a second in all; 0 switches one of them off."""

    def __init__(self):
        self.sent = deque()  # when the bot sent or edited, within the last second
        self.set()

    def set(self, per_chat_s=1.0, per_second=30):
        self.per_chat_s, self.per_second = per_chat_s, per_second

    def spend(self, chat, *, edit=False):
        now = time.monotonic()
        while self.sent and self.sent[0] <= now - 1:
            self.sent.popleft()
        wait = 0 if edit else chat.sent_at + self.per_chat_s - now
        if self.per_second and len(self.sent) >= self.per_second:
            wait = max(wait, self.sent[0] + 1 - now)
        if wait > 0:
            seconds = math.ceil(wait)
            raise Refused(429, f"Too Many Requests: retry after {seconds}", seconds)
        self.sent.append(now)
        if not edit:
            chat.sent_at = now


class Chat:
    """One person's private chat with the bot, from both sides."""

    def __init__(self, user):
        self.user, self.id = user, user["id"]
        self.started = self.blocked = False
        self.messages, self.last_id = {}, 0
        self.answers = []  # what the bot answered to taps
        self.action = None
        self.sent_at = -math.inf  # when the bot wrote last

    def info(self):
        hidden = ("is_bot", "language_code")
        return {**{key: value for key, value in self.user.items() if key not in hidden}, "type": "private"}

    def state(self):
        """For the phone's list."""
        return {**self.user, "started": self.started, "blocked": self.blocked, "messages": len(self.messages)}

    def add(self, sender, reply_to=None, **content):
        self.last_id += 1
        message = {"message_id": self.last_id, "from": sender, "chat": self.info(), "date": int(time.time())}
        if reply_to:
            message["reply_to_message"] = {key: value for key, value in reply_to.items() if key != "reply_to_message"}
        message |= {key: value for key, value in content.items() if value}
        self.messages[self.last_id] = message
        return message

    def find(self, message_id):
        if message_id not in self.messages:
            raise Impossible(f"there is no message {message_id} in this chat")
        return self.messages[message_id]


def text_content(text):
    """A person's text; Telegram marks the command at its beginning."""
    command = re.match(r"/[A-Za-z0-9_]{1,32}(@\w+)?(?=\s|$)", text)
    return {"text": text, "entities": command and [{"type": "bot_command", "offset": 0, "length": command.end()}]}


class Telegram:
    """One bot and the people who can write to it. The methods below are what these do with their phones."""

    def __init__(self, token, name):
        self.token = token
        self.me = {"id": int(token.partition(":")[0]), "is_bot": True, "first_name": "Perch", "username": name}
        self.updates, self.limits = Updates(), Limits()
        self.chats, self.commands = {}, {}
        self.queries = {}  # taps that wait for an answer: id -> (chat, data)
        self.webhook = None

    def close(self):
        self.updates.interrupt("the end")
        if self.webhook:
            self.webhook.close()

    def chat(self, chat_id):
        if chat_id not in self.chats:
            raise Impossible(f"there is no chat {chat_id}")
        return self.chats[chat_id]

    def writer(self, chat_id):
        """The chat of somebody who can write to the bot."""
        chat = self.chat(chat_id)
        if not chat.started or chat.blocked:
            raise Impossible("the bot is blocked" if chat.blocked else "press Start first")
        return chat

    def make_chat(self, id=None, first_name="Alice", last_name=None, username=None, language_code="en", started=False):
        """Ids are large by default: they may have 52 bits. `started`: Start was pressed long ago."""
        id = id or random.randrange(2**40, ID_MAX)
        if not 0 < id <= ID_MAX or id in self.chats:
            raise Impossible(f"{id} is taken, or not an id of at most 52 bits")
        user = {"id": id, "is_bot": False, "first_name": first_name, "last_name": last_name, "username": username,
                "language_code": language_code}
        self.chats[id] = Chat({key: value for key, value in user.items() if value is not None})
        self.chats[id].started = started
        return self.chats[id].state()

    def start(self, chat, payload=""):
        """Presses Start, or Restart when it was blocked. A payload that Telegram does not like is dropped."""
        chat = self.chat(chat)
        if chat.blocked:
            self.block(chat.id, False)
        chat.started = True
        return self.write(chat, **text_content(f"/start {payload}" if PAYLOAD.fullmatch(payload) else "/start"))

    def open(self, chat, link):
        """Follows a link t.me/<bot>?start=<payload> and presses Start."""
        found = re.fullmatch(r"\s*(?:https?://)?t\.me/(\w+)(?:\?start=([^&\s]*))?\s*", link)
        if not found or found[1].lower() != self.me["username"].lower():
            raise Impossible(f"a link looks like https://t.me/{self.me['username']}?start=…")
        return self.start(chat, found[2] or "")

    def say(self, chat, text, reply_to=None):
        chat = self.writer(chat)
        return self.write(chat, chat.find(reply_to) if reply_to else None, **text_content(text))

    def send_media(self, chat, kind, reply_to=None):
        chat = self.writer(chat)
        file = {"file_id": f"{kind}-file", "file_unique_id": kind, "width": 512, "height": 512}
        media = {"sticker": {**file, "type": "regular", "is_animated": False, "is_video": False, "emoji": "👍"},
                 "photo": [file]}
        if kind not in media:
            raise Impossible(f"the kinds are {', '.join(media)}")
        return self.write(chat, chat.find(reply_to) if reply_to else None, **{kind: media[kind]})

    def write(self, chat, reply_to=None, **content):
        message = chat.add(chat.user, reply_to, **content)
        self.updates.push("message", message)
        return message

    def edit(self, chat, message_id, text):
        chat = self.writer(chat)
        message = chat.find(message_id)
        if message["from"]["id"] != chat.id:
            raise Impossible("that is the bot's message")
        message.pop("entities", None)
        message |= {"text": text, "edit_date": int(time.time())}
        self.updates.push("edited_message", message)
        return message

    def press(self, chat, message_id, button):
        """Taps on the button with this label or this data. A link is only named: no update tells of it."""
        chat = self.writer(chat)
        message = chat.find(message_id)
        keyboard = message.get("reply_markup", {}).get("inline_keyboard", [])
        chosen = [b for row in keyboard for b in row if button in (b["text"], b.get("callback_data"))]
        if not chosen:
            raise Impossible(f"message {message_id} has no button {button!r}")
        if "url" in chosen[0]:
            return {"url": chosen[0]["url"]}
        query = {"id": str(random.randrange(2**61, 2**63)), "from": chat.user, "message": message,
                 "chat_instance": str(chat.id), "data": chosen[0]["callback_data"]}
        self.queries[query["id"]] = (chat, query["data"], time.monotonic() + CALLBACK_LIFETIME_S)
        self.updates.push("callback_query", query, CALLBACK_LIFETIME_S)
        return {"callback_query_id": query["id"]}

    def block(self, chat, blocked=True):
        chat = self.chat(chat)
        if chat.started and chat.blocked != blocked:
            now, then = {"user": self.me, "status": "member"}, {"user": self.me, "status": "kicked", "until_date": 0}
            old, new = (now, then) if blocked else (then, now)
            self.updates.push("my_chat_member", {"chat": chat.info(), "from": chat.user, "date": int(time.time()),
                                                 "old_chat_member": old, "new_chat_member": new})
        chat.blocked = blocked
        return chat.state()
