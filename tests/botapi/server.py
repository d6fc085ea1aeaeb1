"""HTTP: the Bot API itself, the control calls of tests and of the phone, and the phone's page.

A control call is POST /_control/<call> with a JSON object: the arguments of the function that CONTROL names, `chat`
being an id. What cannot be done is answered with 400 and {"error": …}.
"""

import asyncio
import inspect
import json
import time
from collections import deque
from operator import attrgetter
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web

from .methods import METHODS, Arguments
from .telegram import Impossible, Refused, Telegram, bad_request
from .webhook import on_this_machine  # and its methods

HERE = Path(__file__).resolve().parent
PAGE = {"/": "phone.html", "/phone.js": "phone.js", "/phone.css": "phone.css"}
TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css"}
CONTROL = {
    # What a person does with the phone.
    "make_chat": "telegram.make_chat", "start": "telegram.start", "open": "telegram.open", "say": "telegram.say",
    "send_media": "telegram.send_media", "edit": "telegram.edit", "press": "telegram.press", "block": "telegram.block",
    # What Telegram does.
    "fault": "faults.add", "clear_faults": "faults.clear", "limits": "telegram.limits.set",
    "restart_updates": "telegram.updates.restart", "push_update": "telegram.updates.push",
    "repeat_update": "repeat_update", "reset": "reset",
    # Looking.
    "bot": "read_bot", "chats": "read_chats", "chat": "read_chat", "log": "read_log",
}
LOG_MAX = 100_000
BIG = 4 << 20
POLICY = {"Cache-Control": "no-store",
          "Content-Security-Policy": "default-src 'self'; img-src data:; frame-ancestors 'none'"}


class Faults:
    """What goes wrong next: the first that fits a request hits it, `times` times (None: always).

    error         the answer is `code`, `description` and perhaps `retry_after`, in Telegram's shape
    garbage       200 and something that is not JSON
    big           a JSON answer of `size` bytes
    redirect      302 to `location`
    close_before  the connection ends, and nothing was done
    close_after   it is done, and the connection ends without an answer
    delay         it is done `seconds` later
    hang          nothing is done, and the connection ends `seconds` later
    """

    KINDS = ("error", "garbage", "big", "redirect", "close_before", "close_after", "delay", "hang")
    MESSAGES = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden: bot was blocked by the user", 404: "Not Found",
                429: "Too Many Requests: retry after {}", 500: "Internal Server Error", 502: "Bad Gateway"}

    def __init__(self):
        self.waiting = []

    def add(self, kind, method=None, chat=None, times=1, code=500, description=None, retry_after=None, seconds=1.0,
            size=BIG, location="/elsewhere"):
        if kind not in self.KINDS or times is not None and times < 1:
            raise Impossible(f"the kinds of faults are {', '.join(self.KINDS)}")
        if code == 429:
            retry_after = retry_after or 1
        self.waiting.append({
            "kind": kind, "method": method and method.lower(), "chat": chat, "times": times, "code": code,
            "description": description or self.MESSAGES.get(code, "Error").format(retry_after),
            "retry_after": retry_after, "seconds": seconds, "size": size, "location": location})

    def take(self, method, chat):
        for fault in self.waiting:
            if fault["method"] in (None, method.lower()) and fault["chat"] in (None, chat):
                if fault["times"] is not None:
                    fault["times"] -= 1
                if fault["times"] == 0:
                    self.waiting.remove(fault)
                return fault
        return None

    def clear(self):
        self.waiting.clear()


def refusal(refused):
    return web.json_response(refused.body, status=refused.code)


def reply_instead(fault, request):
    """The answer to a request that is not carried out; None if it is."""
    match fault["kind"]:
        case "error":
            return refusal(Refused(fault["code"], fault["description"], fault["retry_after"]))
        case "garbage":
            return web.Response(text='<html>{"ok":tru', content_type="text/html")
        case "big":
            shell = '{"ok":true,"result":"%s"}'
            return web.Response(text=shell % ("x" * (fault["size"] - len(shell) + 2)), content_type="application/json")
        case "redirect":
            return web.Response(status=302, headers={"Location": fault["location"]})
        case "close_before" | "hang":
            request.transport.abort()
            return web.Response()
    return None


async def arguments_of(request):
    """Those of the query string and of the body, which wins."""
    try:
        arguments = Arguments(parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True, errors="strict"))
        if request.content_type == "multipart/form-data":
            arguments |= {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
            return arguments
        body = await request.read()
        if request.content_type == "application/x-www-form-urlencoded":
            arguments |= parse_qsl(body.decode(), keep_blank_values=True, errors="strict")
        elif request.content_type == "application/json" and body:
            found = json.loads(body)
            if not isinstance(found, dict):
                raise ValueError
            arguments |= {name: value for name, value in found.items() if value is not None}
    except web.HTTPRequestEntityTooLarge:
        raise Refused(413, "Request Entity Too Large") from None
    except UnicodeDecodeError:
        raise bad_request("strings must be encoded in UTF-8") from None
    except ValueError:
        raise bad_request("can't parse JSON object") from None
    return arguments


class Server:
    def __init__(self, telegram):
        self.telegram, self.faults = telegram, Faults()
        self.log, self.count = deque(maxlen=LOG_MAX), 0
        self.app = web.Application(middlewares=[self.guard])
        for path, name in PAGE.items():
            self.app.router.add_get(path, self.page(name))
        self.app.router.add_post("/_control/{call}", self.control)
        self.app.router.add_route("*", "/bot{token:[^/]*}/{method:[^/]*}", self.api)

    @web.middleware
    async def guard(self, request, handler):
        """Telegram's shape for whatever goes wrong; and no page from elsewhere may steer this, nor by a name that
        leads here (a JSON body needs a leave that is never given)."""
        try:
            if not request.path.startswith("/bot"):
                host = urlsplit(f"//{request.host}").hostname or ""
                if not on_this_machine(host) or request.method == "POST" and request.content_type != "application/json":
                    raise Refused(403, "Forbidden")
            return await handler(request)
        except Refused as refused:
            return refusal(refused)
        except web.HTTPException as error:
            return refusal(Refused(error.status, error.reason))

    @staticmethod
    def page(name):
        async def handler(request):
            headers = {**POLICY, "Content-Type": f"{TYPES[name.rpartition('.')[2]]}; charset=utf-8"}
            return web.Response(body=(HERE / name).read_bytes(), headers=headers)
        return handler

    async def api(self, request):
        """One call of the bot, with its line in the log, which appears as soon as the request is here."""
        self.count += 1
        entry = {"n": self.count, "at": time.time(), "method": request.match_info["method"], "chat": None, "text": None,
                 "parameters": {}, "fault": None, "executed": False, "status": None, "description": None, "result": None,
                 "seconds": None}
        self.log.append(entry)
        transport = request.transport
        began = time.monotonic()
        try:
            reply = await self.answer(request, entry)
        except Refused as refused:
            entry["description"] = refused.description
            reply = refusal(refused)
        entry["status"] = 0 if transport is None or transport.is_closing() else reply.status  # 0: the connection ended
        entry["seconds"] = round(time.monotonic() - began, 3)
        return reply

    async def answer(self, request, entry):
        name = request.match_info["method"]
        if request.match_info["token"] != self.telegram.token:
            raise Refused(401, "Unauthorized")
        if name.lower() not in METHODS:
            raise Refused(404, "Not Found: method not found")
        arguments = await arguments_of(request)
        entry["parameters"] = dict(arguments)
        entry["chat"], entry["text"] = arguments.number("chat_id", None), arguments.get("text")
        fault = self.faults.take(name, entry["chat"]) or {"kind": None}
        entry["fault"] = fault["kind"]
        if fault["kind"] == "hang":
            await asyncio.sleep(fault["seconds"])
        reply = reply_instead(fault, request)
        if reply is not None:  # one without headers of its own is false
            return reply
        if fault["kind"] == "delay":
            await asyncio.sleep(fault["seconds"])
        try:
            result = METHODS[name.lower()](self.telegram, arguments)
            if inspect.isawaitable(result):
                result = await result
            entry["executed"], entry["result"] = True, json.loads(json.dumps(result))
        finally:
            if fault["kind"] == "close_after":
                request.transport.abort()
        return web.json_response({"ok": True, "result": result})

    async def control(self, request):
        function = CONTROL.get(request.match_info["call"])
        try:
            if not function:
                raise Impossible(f"the control calls are {', '.join(CONTROL)}")
            return web.json_response(attrgetter(function)(self)(**await request.json()))
        except (Impossible, TypeError, ValueError) as error:
            return web.json_response({"error": str(error)}, status=400)

    def reset(self):
        """Everything as after the start."""
        self.telegram.close()
        self.telegram = Telegram(self.telegram.token, self.telegram.me["username"])
        self.faults.clear()
        self.log.clear()

    def read_bot(self):
        return {"username": self.telegram.me["username"], "commands": self.telegram.commands}

    def read_chats(self):
        return [chat.state() for chat in self.telegram.chats.values()]

    def read_log(self, after=0, method=None, chat=None):
        return [entry for entry in self.log
                if entry["n"] > after and method in (None, entry["method"]) and chat in (None, entry["chat"])]

    def read_chat(self, chat):
        chat = self.telegram.chat(chat)
        return {**chat.state(), "answers": chat.answers, "action": chat.action, "messages": list(chat.messages.values())}

    def repeat_update(self):
        """Tells the bot of the last update again, under a new id."""
        if not self.telegram.updates.last:
            raise Impossible("there was no update yet")
        [(kind, value)] = self.telegram.updates.last.items()
        self.telegram.updates.push(kind, value)
