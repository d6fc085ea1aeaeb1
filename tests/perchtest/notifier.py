"""The program perch-notifier, run by a test beside an instance and the stand-in for Telegram.

    with NotifierProgram(instance, api) as notifier:      # works: it has the lock, and knows the bot
        …
        notifier.clock(hours=8)                           # its clock only; with clock=True
        notifier.kill(); notifier.start()
"""

import os
import re
import signal
import subprocess
import tempfile
from datetime import timedelta
from pathlib import Path

from .instance import SANITIZER, find_build
from .wait import wait_for

FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
READY = "the bot is @"


class NotifierProgram:
    def __init__(self, instance, api, *, clock=False, **settings):
        """`settings` are PERCH_* variables without the prefix. With `clock` its clock can be set."""
        self.instance, self.api = instance, api
        self.folder = tempfile.TemporaryDirectory(prefix="perch-notifier-", dir=os.environ.get("PERCH_TEST_TMP"))
        self.log_file = Path(self.folder.name) / "log"
        self.log_file.touch()
        self.clock_file = Path(self.folder.name) / "clock"
        self.environment = self.make_environment(clock, settings)
        self.process = None

    def make_environment(self, clock, settings):
        env = self.instance.env
        url = env["PERCH_DATABASE_URL"].replace("perch_app@", "perch_notifier@")
        found = {key: value for key, value in os.environ.items() if not key.startswith("PERCH_")}
        found |= {"PERCH_NOTIFIER_DATABASE_URL": url, "PERCH_REDIS_URL": env["PERCH_REDIS_URL"],
                  "PERCH_TELEGRAM_API": self.api.address, "PERCH_TELEGRAM_TOKEN_FILE": str(self.api.token_file),
                  "PERCH_LOG_LEVEL": "debug"}
        if "PERCH_REDIS_PREFIX" in env:
            found["PERCH_REDIS_PREFIX"] = env["PERCH_REDIS_PREFIX"]
        if clock:
            self.clock()
            found |= {"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(self.clock_file),
                      "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                      # A sanitized program has its runtime linked; only what is preloaded may come before.
                      "ASAN_OPTIONS": f"{os.environ.get('ASAN_OPTIONS', '')}:verify_asan_link_order=0"}
        return found | {f"PERCH_{key}": str(value) for key, value in settings.items()}

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    def start(self, wait=True):
        """`wait`: until it works, for which no other one may."""
        program = (self.instance.build or find_build()) / "perch-notifier"
        known = len(self.log())
        with self.log_file.open("a") as log:
            self.process = subprocess.Popen([program], env=self.environment, stdin=subprocess.DEVNULL, stderr=log)
        if wait:
            self.await_work(known)
        return self

    def await_work(self, known=0, timeout=10):
        def works():
            assert self.process.poll() is None, f"perch-notifier ended: {self.log()[known:]}"
            return READY in self.log()[known:]
        wait_for(works, timeout, "the notifier to work")

    def stop(self, number=signal.SIGTERM):
        """Ends it; returns its status."""
        self.process.send_signal(number)
        status = self.process.wait(10)
        self.process = None
        return status

    def kill(self):
        self.stop(signal.SIGKILL)

    def restart(self):
        self.stop()
        return self.start()

    def close(self):
        try:
            if self.process:
                self.stop()
            text = self.log()
            assert not SANITIZER.search(text), text
            assert self.api.token.partition(":")[2] not in text, "the token is in the log"
        finally:
            self.folder.cleanup()

    def memory_peak(self):
        """Bytes: the most that it had in memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s*(\d+) kB", status)[1]) * 1024

    def log(self):
        return self.log_file.read_text(errors="replace")

    def clock(self, **ahead):
        """So far ahead of the true time (hours=8) its clock goes from now on."""
        seconds = timedelta(**ahead).total_seconds()
        whole = self.clock_file.with_suffix(".new")
        whole.write_text(f"{seconds:+.0f}s\n")
        whole.rename(self.clock_file)
