"""The phone's page, in a real browser."""

import os
import shutil
import tempfile

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.remote_connection import RemoteConnection

from perchtest import wait_for

FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync --disable-dev-shm-usage --window-size=1000,720""".split()


class Page:
    def __init__(self, driver):
        self.driver = driver

    def fill(self, css, text):
        self.driver.find_element(By.CSS_SELECTOR, css).send_keys(text)

    def click(self, css, text=""):
        """On the first such element with this text, once it is there."""
        script = ("const found = [...document.querySelectorAll(arguments[0])]"
                  ".find(e => e.checkVisibility() && e.innerText.includes(arguments[1])); found?.click(); return !!found")
        wait_for(lambda: self.driver.execute_script(script, css, text), what=f"{css} with {text!r}")

    def shows(self, css, text):
        script = "return [...document.querySelectorAll(arguments[0])].some(e => e.innerText.includes(arguments[1]))"
        wait_for(lambda: self.driver.execute_script(script, css, text), what=f"{text!r} in {css}")


@pytest.fixture
def page(api):
    RemoteConnection.set_timeout(60)  # a driver that hangs does not hold up the suite
    profile = tempfile.mkdtemp(prefix="perch-phone-", dir=os.environ.get("PERCH_TEST_TMP"))
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in [*FLAGS, f"--user-data-dir={profile}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
    driver.set_page_load_timeout(30)
    driver.get(api.address)
    yield Page(driver)
    complaints = [entry["message"] for entry in driver.get_log("browser")]
    if folder := os.environ.get("PERCH_TEST_ARTEFACTS"):
        driver.save_screenshot(f"{folder}/phone.png")
    driver.quit()
    shutil.rmtree(profile, ignore_errors=True)
    assert complaints == []


def test_a_person_links_reads_taps_and_replies(api, page):
    page.fill("#person [name=first_name]", "Ann <b>")
    page.fill("#person [name=username]", "ann_lee")
    page.click("#person button")
    page.shows("#chats", "Ann <b>")
    page.fill("#link input", "https://t.me/perch_bot?start=code-1")
    page.click("#link button", "Follow")
    page.shows(".mine", "/start code-1")
    [update] = wait_for(lambda: api.bot("getUpdates")["result"], what="the update")
    ann = update["message"]["chat"]["id"]
    sent = api.bot("sendMessage", chat_id=ann, text="\U0001f426 Bob: <i>hello</i>",
                   entities=[{"type": "bold", "offset": 3, "length": 3}], reply_markup={"inline_keyboard": [
                       [{"text": "Mute 1 h", "callback_data": "mute"}, {"text": "Open", "url": "https://example.org/"}]]})
    assert sent["ok"]
    page.shows("#messages .bold", "Bob")
    page.shows("#messages p", "Bob: <i>hello</i>")
    page.click(".row button", "Mute 1 h")
    [tap] = wait_for(lambda: api.bot("getUpdates", offset=update["update_id"] + 1)["result"], what="the tap")
    api.bot("answerCallbackQuery", callback_query_id=tap["callback_query"]["id"], text="Muted for an hour")
    page.shows("#notice", "Muted for an hour")
    page.click(".bubble", "Bob")
    page.fill("#say input", "hi Bob")
    page.click("#say button", "Send")
    page.shows(".mine q", "Bob: <i>hello</i>")
    [reply] = wait_for(lambda: api.bot("getUpdates", offset=tap["update_id"] + 1)["result"], what="the reply")
    assert reply["message"]["text"] == "hi Bob"
    assert reply["message"]["reply_to_message"]["message_id"] == sent["result"]["message_id"]
    page.click("#block", "Block")
    page.shows("#about", "blocked the bot")
    assert api.bot("sendMessage", chat_id=ann, text="x")["error_code"] == 403
