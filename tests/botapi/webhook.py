"""Updates sent to the bot instead of asked for: setWebhook, deleteWebhook, getWebhookInfo, and the sending."""

import asyncio
import ipaddress
import re
import time
from urllib.parse import urlsplit

import aiohttp

from .methods import method
from .telegram import bad_request

PAUSE_S = 0.3  # after a delivery that failed; Telegram's grows
TIMEOUT_S = 10


class Webhook:
    """Posts one update after the other, each until it is taken with a 2xx."""

    def __init__(self, updates, url, secret):
        self.updates, self.url, self.error = updates, url, None
        self.headers = {"X-Telegram-Bot-Api-Secret-Token": secret} if secret else {}
        self.task = asyncio.create_task(self.run())

    def close(self):
        self.task.cancel()

    async def run(self):
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as session:
            while True:
                self.updates.arrived.clear()
                waiting = self.updates.take(0, 1)
                if not waiting:
                    await self.updates.arrived.wait()
                elif error := await self.post(session, waiting[0]):
                    self.error = (int(time.time()), error)
                    await asyncio.sleep(PAUSE_S)
                else:
                    self.updates.forget(waiting[0]["update_id"] + 1)

    async def post(self, session, update):
        """What went wrong, None if nothing did. Certificates are not looked at: it is all on this machine."""
        try:
            async with session.post(self.url, json=update, headers=self.headers, ssl=False,
                                    allow_redirects=False) as reply:
                if reply.status // 100 != 2:
                    return f"Wrong response from the webhook: {reply.status} {reply.reason}"
        except aiohttp.ClientConnectorError:
            return "Connection refused"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return f"Connection failed: {type(error).__name__}"
        return None


def on_this_machine(host):
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@method
def set_webhook(telegram, arguments):
    """http, too, as a Bot API server of one's own allows; nothing leaves this machine."""
    url, secret = arguments.text("url"), arguments.text("secret_token")
    if not url:
        return delete_webhook(telegram, arguments)
    try:
        parts = urlsplit(url)
    except ValueError:
        raise bad_request("bad webhook: URL is invalid") from None
    if parts.scheme not in ("https", "http"):
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    if not on_this_machine(parts.hostname or ""):
        raise bad_request("bad webhook: Failed to resolve host: Name or service not known")
    if not re.fullmatch(r"[A-Za-z0-9_-]{0,256}", secret):
        raise bad_request("secret token contains unallowed characters")
    kinds = arguments.structure("allowed_updates", list)
    delete_webhook(telegram, arguments)
    telegram.updates.allow(kinds)
    telegram.updates.interrupt("setWebhook request")
    telegram.webhook = Webhook(telegram.updates, url, secret)
    return True


@method
def delete_webhook(telegram, arguments):
    if telegram.webhook:
        telegram.webhook.close()
        telegram.webhook = None
    if arguments.flag("drop_pending_updates"):
        telegram.updates.forget()
    return True


@method
def get_webhook_info(telegram, arguments):
    webhook = telegram.webhook
    info = {"url": webhook.url if webhook else "", "has_custom_certificate": False,
            "pending_update_count": len(telegram.updates.queue), "allowed_updates": list(telegram.updates.allowed)}
    if webhook and webhook.error:
        info["last_error_date"], info["last_error_message"] = webhook.error
    return info
