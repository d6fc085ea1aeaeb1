"""The methods of the Bot API: what they take, what they refuse and in which words.

A method is a function of (Telegram, Arguments); it returns the result or raises Refused.
"""

import ipaddress
import json
import re
import time
from urllib.parse import urlsplit

from .telegram import Refused, bad_request

TEXT_UNITS_MAX, TEXT_BYTES_MAX = 4096, 32_768
ANSWER_MAX = 200
POLL_SECONDS_MAX, UPDATES_MAX = 50, 100
ENTITIES = """mention hashtag cashtag bot_command url email phone_number bold italic underline strikethrough spoiler
    blockquote expandable_blockquote code pre text_link text_mention custom_emoji""".split()
ACTIONS = """typing upload_photo record_video upload_video record_voice upload_voice upload_document choose_sticker
    find_location record_video_note upload_video_note""".split()
NOT_PUBLIC = ("localhost", "local", "internal", "lan", "home", "test", "invalid", "example")

METHODS = {}


def method(function):
    METHODS[function.__name__.replace("_", "")] = function
    return function


class Arguments(dict):
    """Of a query string, a form or a JSON body: in the former two everything is text, and structures are JSON in it."""

    def text(self, name):
        value = self.get(name, "")
        value = value if isinstance(value, str) else json.dumps(value)
        try:
            value.encode()
        except UnicodeEncodeError as lone_surrogate:
            raise bad_request("strings must be encoded in UTF-8") from lone_surrogate
        return value

    def number(self, name, default=0, low=-2**63, high=2**63 - 1):
        """Never refused: what is no number is the default, what is out of bounds the bound."""
        text = self.text(name)
        return min(max(int(text), low), high) if re.fullmatch(r"-?[0-9]{1,19}", text) else default

    def flag(self, name):
        return self.text(name).lower() in ("true", "yes", "1")

    def structure(self, name, kind):
        """None where it is missing."""
        value = self.get(name)
        try:
            value = json.loads(value) if isinstance(value, str) and value else value
        except ValueError:
            value = name  # no structure
        if value in (None, ""):
            return None
        if not isinstance(value, kind):
            raise bad_request(f"can't parse {name.replace('_', ' ')}")
        return value


def chat_of(telegram, arguments):
    """The chat that the bot may write to."""
    if not arguments.text("chat_id"):
        raise bad_request("chat_id is empty")
    chat = telegram.chats.get(arguments.number("chat_id"))
    if not chat or not chat.started:
        raise bad_request("chat not found")
    if chat.blocked:
        raise Refused(403, "Forbidden: bot was blocked by the user")
    return chat


def units(text):
    """Its length as Telegram counts: in units of UTF-16."""
    return len(text.encode("utf-16-le")) // 2


def text_of(arguments):
    """The text, trimmed, and its entities, moved with it."""
    if arguments.text("parse_mode"):
        raise bad_request("unsupported parse_mode")
    given = arguments.text("text")
    text = given.strip()
    if not text:
        raise bad_request("message text is empty")
    if units(text) > TEXT_UNITS_MAX or len(text.encode()) > TEXT_BYTES_MAX:
        raise bad_request("message is too long")
    given_entities = arguments.structure("entities", list) or []
    for entity in given_entities:
        check_entity(given, entity)
    moved = units(given) - units(given.lstrip())
    entities = []
    for entity in given_entities:
        begin = max(entity["offset"] - moved, 0)
        end = min(entity["offset"] + entity["length"] - moved, units(text))
        if end > begin and entity["type"] in ENTITIES:
            entities.append({**entity, "offset": begin, "length": end - begin})
    return {"text": text, "entities": entities}


def check_entity(text, entity):
    if not isinstance(entity, dict) or not isinstance(entity.get("type"), str):
        raise bad_request("can't parse MessageEntity: Object expected")
    for name in ("offset", "length"):
        if type(entity.get(name)) is not int or entity[name] < 0:
            raise bad_request(f"receive an entity with incorrect {name} {entity.get(name)}")
    begin, end = entity["offset"], entity["offset"] + entity["length"]
    if end > units(text):
        raise bad_request(f"entity beginning at UTF-16 offset {begin} ends after the end of the text at UTF-16 offset {end}")
    encoded = text.encode("utf-16-le")
    for place, verb in ((begin, "begins"), (end, "ends")):
        if b"\xdc" <= encoded[2 * place + 1:2 * place + 2] <= b"\xdf":
            raise bad_request(f"entity beginning at UTF-16 offset {begin} {verb} in a middle of a UTF-16 symbol"
                              f" at UTF-16 offset {place}")


def keyboard_of(arguments):
    markup = arguments.structure("reply_markup", dict)
    if not markup:
        return None
    rows = markup.get("inline_keyboard")
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad_request('field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays')
    for button in (button for row in rows for button in row):
        check_button(button)
    return {"inline_keyboard": [row for row in rows if row]} if any(rows) else None


def check_button(button):
    if not isinstance(button, dict) or not isinstance(button.get("text"), str) or not button["text"].strip():
        raise bad_request("can't parse inline keyboard button: text is missing or empty")
    if "url" in button:
        check_url(str(button["url"]))
    elif "callback_data" in button:
        if not 1 <= len(str(button["callback_data"]).encode()) <= 64:
            raise bad_request("BUTTON_DATA_INVALID")
    else:
        raise bad_request("text buttons are unallowed in the inline keyboard")


def check_url(url):
    wrong = f"inline keyboard button URL '{url}' is invalid"
    scheme, _, _ = url.partition("://")
    if scheme == "tg":
        return
    if "://" in url and scheme.lower() not in ("http", "https"):
        raise bad_request(f"{wrong}: Unsupported URL protocol")
    try:
        host = urlsplit(url if "://" in url else f"http://{url}").hostname or ""
    except ValueError:
        host = ""
    try:
        public = ipaddress.ip_address(host).is_global
    except ValueError:
        if "." not in host:
            raise bad_request(f"{wrong}: Wrong HTTP URL") from None
        public = host.rpartition(".")[2].lower() not in NOT_PUBLIC
    if not public:
        raise bad_request("BUTTON_URL_INVALID")


@method
def get_me(telegram, arguments):
    return {**telegram.me, "can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}


@method
async def get_updates(telegram, arguments):
    if telegram.webhook:
        raise Refused(409, "Conflict: can't use getUpdates method while webhook is active;"
                           " use deleteWebhook to delete the webhook first")
    telegram.updates.allow(arguments.structure("allowed_updates", list))
    return await telegram.updates.get(arguments.number("offset"), arguments.number("limit", UPDATES_MAX, 1, UPDATES_MAX),
                                      arguments.number("timeout", 0, 0, POLL_SECONDS_MAX))


@method
def send_message(telegram, arguments):
    content, keyboard = text_of(arguments), keyboard_of(arguments)
    chat = chat_of(telegram, arguments)
    reply = Arguments(arguments.structure("reply_parameters", dict) or {})
    replied_id = reply.number("message_id") or arguments.number("reply_to_message_id")
    replied = chat.messages.get(replied_id)
    if replied_id and not replied and not reply.flag("allow_sending_without_reply"):
        raise bad_request("message to be replied not found")
    telegram.limits.spend(chat)
    chat.action = None
    return chat.add(telegram.me, replied, **content, reply_markup=keyboard)


@method
def edit_message_text(telegram, arguments):
    content, keyboard = text_of(arguments), keyboard_of(arguments)
    chat = chat_of(telegram, arguments)
    message = chat.messages.get(arguments.number("message_id"))
    if not message:
        raise bad_request("message to edit not found")
    if message["from"] != telegram.me:
        raise bad_request("message can't be edited")
    new = {key: value for key, value in {**content, "reply_markup": keyboard}.items() if value}
    if new == {key: message[key] for key in ("text", "entities", "reply_markup") if key in message}:
        raise bad_request("message is not modified: specified new message content and reply markup are exactly the same"
                          " as a current content and reply markup of the message")
    telegram.limits.spend(chat, edit=True)
    for key in ("entities", "reply_markup"):
        message.pop(key, None)
    message |= {**new, "edit_date": int(time.time())}
    return message


@method
def delete_message(telegram, arguments):
    chat = chat_of(telegram, arguments)
    if not chat.messages.pop(arguments.number("message_id"), None):
        raise bad_request("message to delete not found")
    return True


@method
def answer_callback_query(telegram, arguments):
    text = arguments.text("text")
    if len(text) > ANSWER_MAX:
        raise bad_request("MESSAGE_TOO_LONG")
    chat, data, until = telegram.queries.pop(arguments.text("callback_query_id"), (None, None, 0))
    if not chat or until < time.monotonic():
        raise bad_request("query is too old and response timeout expired or query ID is invalid")
    chat.answers.append({"data": data, "text": text, "show_alert": arguments.flag("show_alert")})
    return True


@method
def send_chat_action(telegram, arguments):
    chat = chat_of(telegram, arguments)
    if arguments.text("action") not in ACTIONS:
        raise bad_request("wrong parameter action in request")
    chat.action = arguments.text("action")
    return True


@method
def set_my_commands(telegram, arguments):
    commands = arguments.structure("commands", list) or []
    for command in commands:
        if not isinstance(command, dict) or not re.fullmatch(r"/?[a-z0-9_]{1,32}", str(command.get("command"))):
            raise bad_request("BOT_COMMAND_INVALID")
        if not 1 <= len(str(command.get("description", ""))) <= 256:
            raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    telegram.commands[arguments.text("language_code")] = commands
    return True


@method
def get_my_commands(telegram, arguments):
    return telegram.commands.get(arguments.text("language_code"), [])
