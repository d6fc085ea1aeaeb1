"""Coming in: any name and password, what is wrong said where it is wrong, and how long to wait."""

import re
import uuid

import pytest

from perchtest import Instance


@pytest.fixture(scope="module")
def strict():
    instance = Instance(WORKERS=1, RATE_ACCOUNT=2).start()
    yield instance
    instance.stop()


def test_who_tries_too_often_is_told_the_seconds_and_then_let_in(window, strict):
    alice = strict.person("alice")
    page = window(strict.url)
    page.expected.append(f"{strict.url}/api/v1/sessions - Failed")
    page.type("#login-username", alice.username)

    def told():
        page.type("#login-password", "wrong")
        page.click("#login .primary")
        page.wait(lambda: page.text("#login .form-error"), "an answer")
        return re.search(r"\((\d+) s\)$", page.text("#login .form-error"))

    page.wait(told, "the seconds", timeout=60)
    first = int(re.search(r"\((\d+) s\)$", page.text("#login .form-error"))[1])
    page.wait(lambda: int((re.search(r"\((\d+) s\)$", page.text("#login .form-error")) or [0, first])[1]) < first,
              "the seconds to be counted")
    page.wait(lambda: not page.shown("#login .form-error"), "the time to be over", timeout=70)
    page.login(alice.username, alice.password)


@pytest.mark.parametrize("name, password", [
    ("x", "y"), ("Ольга 🦉", " "), ("a" * 64, "b" * 256), ("'; DROP TABLE users; --", "\\\"'"), ("عربى", "密码"),
    ("e\u0301a\u0300", "\u200bzero width"),
])
def test_names_and_passwords_have_no_form(window, perch, name, password):
    name = (name + uuid.uuid4().hex)[-64:] if len(name) > 40 else f"{name} {uuid.uuid4().hex[:8]}"
    page = window()
    page.expected += [f"{page.url}/api/v1/accounts - Failed", f"{page.url}/api/v1/sessions - Failed"]
    page.click("#door-register")
    page.js("for (const [id, value] of arguments[0]) document.getElementById(id).value = value",
            [["register-username", name], ["register-password", password]])
    page.click("#register .primary")
    page.wait(lambda: page.shown("#app"), "to be in")
    page.logout()
    page.js("for (const [id, value] of arguments[0]) document.getElementById(id).value = value",
            [["login-username", name], ["login-password", password]])
    page.click("#login .primary")
    page.wait(lambda: page.shown("#app"), "to be in again")


def test_what_a_password_manager_looks_for_is_there(window):
    page = window()
    assert page.js("return ['login-username', 'login-password', 'register-username', 'register-password', 'set-current',"
                   " 'set-new'].map((id) => document.getElementById(id).autocomplete)") \
        == ["username", "current-password", "username", "new-password", "current-password", "new-password"]


def test_a_secret_can_be_looked_at_and_is_hidden_again(window, perch):
    page = window()
    page.type("#login-password", "look at me")
    page.click("#login .reveal")
    assert page.js("return document.getElementById('login-password').type") == "text"
    assert page.js("return document.querySelector('#login .reveal').getAttribute('aria-pressed')") == "true"
    page.click("#login .reveal")
    assert page.js("return document.getElementById('login-password').type") == "password"


def test_a_taken_telegram_name_is_told_beside_its_field(window, perch):
    name = f"tg_{uuid.uuid4().hex[:12]}"
    perch.person("first", telegram=name)
    page = window()
    page.expected.append(f"{page.url}/api/v1/accounts - Failed")
    page.click(".languages [lang=ru]")
    page.click("#door-register")
    page.type("#register-username", f"Second-{uuid.uuid4().hex[:8]}")
    page.type("#register-password", "secret")
    page.type("#register-telegram", f"@{name.upper()}")
    page.click("#register .primary")
    page.wait(lambda: page.text("#register-telegram-error") == "Это имя в Telegram принадлежит другому аккаунту", "it")
