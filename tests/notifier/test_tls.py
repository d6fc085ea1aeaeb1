"""The token goes to nobody who cannot prove to be the Bot API's server."""

import os
import subprocess

import pytest

from botapi.standin import BotApi
from perchtest import wait_for
from perchtest.notifier import FAKETIME, NotifierProgram


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls"))


class Authority:
    """Whom the notifier trusts."""

    def __init__(self, folder):
        self.folder, self.file = folder, folder / "authority.crt"
        self.openssl("req", "-x509", "-subj", "/CN=authority", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                     "-keyout", folder / "authority.key", "-out", self.file)

    def openssl(self, *words, days_ago=0):
        # Not the program faketime: it stumbles over the semaphore of a killed one that had its process id.
        clock = {"LD_PRELOAD": str(FAKETIME), "FAKETIME": f"-{days_ago}d"} if days_ago else {}
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, env=os.environ | clock)

    def certificate(self, name, days_ago=0):
        """(certificate, key) of a server with this name, made so many days ago, for one day."""
        crt, key, extension = (self.folder / f"server.{end}" for end in ("crt", "key", "ext"))
        extension.write_text(f"subjectAltName = {name}\n")
        self.openssl("req", "-new", "-subj", "/CN=server", "-newkey", "rsa:2048", "-nodes", "-keyout", key,
                     "-out", crt.with_suffix(".csr"))
        self.openssl("x509", "-req", "-in", crt.with_suffix(".csr"), "-CA", self.file, "-CAkey",
                     self.folder / "authority.key", "-CAcreateserial", "-days", "1", "-extfile", extension, "-out", crt,
                     days_ago=days_ago)
        return str(crt), str(key)


def test_a_server_that_the_authority_vouches_for_is_spoken_to(site, authority):
    with BotApi(tls=authority.certificate("IP:127.0.0.1")) as api:
        api.session.verify = str(authority.file)
        with NotifierProgram(site, api, TELEGRAM_CA_FILE=authority.file):
            api.await_calls(1, "getUpdates")


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
@pytest.mark.parametrize("name, days_ago, settings, reason", [
    ("DNS:elsewhere.example.org", 0, {}, "127.0.0.1"),
    ("IP:127.0.0.1", 2, {}, "expired"),
    ("IP:127.0.0.1", 0, {"TELEGRAM_CA_FILE": ""}, "certificate"),  # nobody the system knows
], ids=["another name", "expired", "unknown"])
def test_a_server_that_proves_nothing_gets_no_byte_of_a_request(site, authority, name, days_ago, settings, reason):
    with BotApi(tls=authority.certificate(name, days_ago)) as api:
        api.session.verify = False
        settings = {"TELEGRAM_CA_FILE": authority.file, **settings}
        notifier = NotifierProgram(site, api, **settings).start(wait=False)
        try:
            wait_for(lambda: "does not say who the bot is" in notifier.log(), 10, "it to say so")
            assert reason in notifier.log()
            assert api.calls() == []
        finally:
            notifier.close()


def test_a_file_of_authorities_that_is_missing_ends_it_at_once_and_says_so(site, authority, api):
    notifier = NotifierProgram(site, api, TELEGRAM_CA_FILE="/nowhere").start(wait=False)
    try:
        assert notifier.process.wait(10) != 0
        assert "PERCH_TELEGRAM_CA_FILE /nowhere" in notifier.log()
    finally:
        notifier.process = None
        notifier.close()
