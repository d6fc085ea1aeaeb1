"""Browser windows for the tests: each a Chromium of its own with an empty profile, driven through chromedriver."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.common.exceptions import ElementNotInteractableException, StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from perchtest import wait_for

FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync --disable-dev-shm-usage --hide-scrollbars""".split()


class Window:
    """One person's browser with the page open, at the door until register() or login()."""

    def __init__(self, url, width=1100, height=760):
        self.url = url
        # What the console may say: who is not logged in is told so, and Chromium notes every 4xx.
        self.expected = [f"{url}/api/v1/me - Failed to load resource: the server responded with a status of 401"]
        self.log = []  # what get_log() gave, which gives everything once
        self.profile = tempfile.mkdtemp(prefix="perch-window-", dir=os.environ.get("PERCH_TEST_TMP"))
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for flag in [*FLAGS, f"--user-data-dir={self.profile}", f"--window-size={width},{height}"]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                    {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
        self.driver.get(url)
        self.wait(lambda: self.shown("#door"), "the door")

    def close(self):
        self.driver.quit()
        shutil.rmtree(self.profile, ignore_errors=True)

    # Looking.

    def js(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def wait(self, condition, what, timeout=15):
        def met():
            broken = [one["message"] for one in self.driver.get_log("browser") if self.log.append(one) or
                      "Uncaught" in one["message"]]
            assert broken == [], "a script of the page failed"
            return condition()
        return wait_for(met, timeout, f"{what} at {self.url}")

    def shown(self, css):
        return self.js("return document.querySelector(arguments[0])?.checkVisibility() ?? false", css)

    def texts(self, css):
        """What the visible elements say, in their order."""
        return self.js("return [...document.querySelectorAll(arguments[0])].filter(e => e.checkVisibility())"
                       ".map(e => e.innerText)", css)

    def text(self, css):
        return "".join(self.texts(css)[:1])

    def messages(self):
        return self.texts(".message .text")

    def chats(self):
        """What the rows of the list say: [name, last line, unread], in their order."""
        return self.js("return [...document.querySelectorAll('#rows .row')].map(row => ["
                       "row.querySelector('.row-name').innerText, row.querySelector('.row-line')?.innerText ?? '',"
                       "parseInt(row.querySelector('.badge')?.textContent ?? '0')])")

    def complaints(self):
        """What the console says beyond the expected: errors and warnings, a broken policy among them."""
        return [entry["message"] for entry in [*self.log, *self.driver.get_log("browser")]
                if entry["level"] in ("SEVERE", "WARNING") and not entry["message"].startswith(tuple(self.expected))]

    def screenshot(self, path):
        assert self.driver.save_screenshot(str(path))

    # Doing.

    def click(self, css, saying=""):
        """Click the first visible element, one whose text contains `saying`."""
        def clicked():
            for element in self.driver.find_elements(By.CSS_SELECTOR, css):
                try:
                    if element.is_displayed() and saying in element.text:
                        element.click()
                        return True
                except (StaleElementReferenceException, ElementNotInteractableException):
                    return False  # the page was just drawing it anew
            return False
        self.wait(clicked, f"{css} {saying!r} to click")

    def type(self, css, text):
        self.wait(lambda: self.shown(css), f"{css} to type into")
        field = self.driver.find_element(By.CSS_SELECTOR, css)
        field.clear()
        field.send_keys(text)

    def register(self, name, password="correct horse"):
        self.click("#door-register")
        self.type("#register-username", name)
        self.type("#register-password", password)
        self.click("#register .primary")
        self.wait(lambda: self.shown("#app"), f"{name} to be in")

    def login(self, name, password="correct horse"):
        self.click("#door-login")
        self.type("#login-username", name)
        self.type("#login-password", password)
        self.click("#login .primary")
        self.wait(lambda: self.shown("#app"), f"{name} to be in")

    def find_person(self, name):
        """Search among the people and open the dialog."""
        self.click("#tab-people")
        self.type("#search-q", name)
        self.wait(lambda: [chat[0] for chat in self.chats()] == [name], f"{name} alone in the list")
        self.click("#rows .row", name)
        self.wait(lambda: self.text("#talk-name") == name, f"the dialog with {name}")

    def logout(self):
        self.click("#settings-open")
        self.click("#logout")
        self.wait(lambda: self.shown("#door"), "the door")

    def send(self, text):
        self.type("#body", text)
        self.click("#send")


@pytest.fixture
def window(perch):
    """A function that opens a window; at the end no window's console may have complained."""
    opened = []

    def factory(url=perch.url, **size):
        opened.append(Window(url, **size))
        return opened[-1]

    yield factory
    complaints = []
    for one in opened:
        complaints += one.complaints()
        one.close()
    assert complaints == []


@pytest.fixture
def artefacts(perch):
    """The folder for what is worth keeping of a run."""
    return Path(os.environ.get("PERCH_TEST_ARTEFACTS") or perch.dir)
