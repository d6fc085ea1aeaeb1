"""The settings, as somebody uses them who has never seen them."""

import uuid

from perchtest import wait_for


def open_settings(page, name):
    page.click("#settings-open")
    page.wait(lambda: page.shown("#settings") and page.text("#settings-username") == name, "the settings")


def choose(page, select, value):
    page.js("const e = document.querySelector(arguments[0]); e.value = arguments[1];"
            "e.dispatchEvent(new Event('change', {bubbles: true}))", select, value)


def settings_of(person):
    return person.get("/me").json()["settings"]


def test_the_language_changes_at_once_and_stays(window, perch):
    alice = perch.person("alice")
    page = window()
    page.login(alice.username, alice.password)
    open_settings(page, alice.username)
    page.js("window.never_reloaded = true")
    choose(page, "#set-language", "ru")
    page.wait(lambda: page.text("#settings-title") == "Настройки", "Russian")
    wait_for(lambda: settings_of(alice)["locale"] == "ru", 10, "the account to know")
    page.click("#settings-close")
    page.click("#tab-chats")
    assert page.chats() == [["Избранное", "Заметки для себя", 0]] and page.js("return window.never_reloaded")
    page.driver.refresh()
    page.wait(lambda: page.text("#tab-people") == "Люди", "Russian after a reload")
    page.logout()
    assert page.text("#login .primary") == "Войти"


def test_a_new_account_has_the_language_and_the_time_zone_of_its_page(window, perch):
    page = window()
    page.driver.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": "Asia/Yekaterinburg"})
    page.click(".languages [lang=ru]")
    name = f"Оля-{uuid.uuid4().hex[:8]}"
    page.register(name)
    page.wait(lambda: page.text("#tab-chats") == "Чаты", "Russian")
    me = page.driver.execute_async_script("fetch('/api/v1/me').then(r => r.json()).then(arguments[0])")
    assert (me["settings"]["locale"], me["settings"]["time_zone"]) == ("ru", "Asia/Yekaterinburg")


def test_the_name_that_others_see(window, perch):
    alice, bob = perch.person("alice"), perch.person("bob")
    page = window()
    page.login(alice.username, alice.password)
    open_settings(page, alice.username)
    page.type("#set-display", "Алиса <i>")
    page.click("#set-name button")
    page.wait(lambda: page.text("#me") == "Алиса <i>", "the name in the head")
    assert bob.get(f"/users/{alice.id}").json()["user"]["display_name"] == "Алиса <i>"
    page.type("#set-display", " ")
    page.click("#set-name button")
    page.wait(lambda: page.text("#me") == alice.username, "the first name again")


def test_another_device_is_ended_and_then_all_others(window, perch):
    alice = perch.person("alice")
    page = window()
    page.login(alice.username, alice.password)
    others = [alice.another_device() for _ in range(3)]
    open_settings(page, alice.username)
    page.wait(lambda: len(page.texts("#devices li")) == 5, "five devices")
    assert "this one" in page.texts("#devices li")[0]
    known = len(page.texts("#devices button"))
    page.click("#devices button")
    page.wait(lambda: len(page.texts("#devices button")) == known - 1, "one to be gone")
    assert [one.get("/me").status_code for one in (alice, *others)].count(401) == 1
    page.click("#devices-end")
    page.wait(lambda: len(page.texts("#devices li")) == 1 and not page.shown("#devices-end"), "this one alone")
    assert [one.get("/me").status_code for one in (alice, *others)] == [401] * 4
    page.click("#settings-close")
    assert page.shown("#app")


def test_the_password_is_changed_and_a_wrong_one_is_told_beside_its_field(window, perch):
    alice = perch.person("alice")
    page = window()
    page.expected += [f"{page.url}/api/v1/me/password - Failed", f"{page.url}/api/v1/sessions - Failed"]
    page.login(alice.username, alice.password)
    open_settings(page, alice.username)
    page.click("#settings summary", "Change")
    page.type("#set-current", "wrong")
    page.type("#set-new", "aaaa")
    assert "Easy to guess" in page.text("#set-new-hint")
    page.type("#set-new", "tall grass by the 9th river")
    assert "Hard to guess" in page.text("#set-new-hint")
    page.click("#set-password .primary")
    page.wait(lambda: page.text("#set-current-error") == "Wrong name or password", "the trouble")
    page.type("#set-current", alice.password)
    page.click("#set-password .primary")
    page.wait(lambda: "password was changed" in page.text("#settings-note"), "a word of it")
    assert alice.get("/me").status_code == 401
    page.click("#settings-close")
    page.logout()
    page.login(alice.username, "tall grass by the 9th river")


def test_the_account_is_deleted_with_the_password_only(window, perch):
    alice, bob = perch.person("alice"), perch.person("bob")
    page = window()
    page.expected += [f"{page.url}/api/v1/me - Failed", f"{page.url}/api/v1/events?"]
    bob.send(alice, "for her eyes only")
    page.login(alice.username, alice.password)
    page.click("#rows .row", bob.username)
    page.wait(lambda: page.messages() == ["for her eyes only"], "the message")
    open_settings(page, alice.username)
    page.click("#settings summary", "Delete")
    page.type("#set-delete-password", "wrong")
    page.click("#set-delete .primary")
    page.wait(lambda: page.text("#set-password-error") == "Wrong name or password", "the trouble")
    page.type("#set-delete-password", alice.password)
    page.click("#set-delete .primary")
    page.wait(lambda: page.shown("#door") and not page.shown("#settings"), "the door")
    assert bob.get(f"/users/{alice.id}").json()["user"]["deleted"]
    assert "for her eyes only" not in page.driver.page_source and bob.username not in page.driver.page_source
    kept = page.driver.execute_async_script("indexedDB.databases().then((all) => arguments[0](all.map((one) => one.name)))")
    assert f"perch-{alice.id}" not in kept


def test_colours_are_chosen_and_there_before_anything_is_drawn(window, perch):
    alice = perch.person("alice")
    page = window()
    page.login(alice.username, alice.password)
    back = "return getComputedStyle(document.body).backgroundColor"
    light = page.js(back)
    open_settings(page, alice.username)
    choose(page, "#set-theme", "dark")
    assert page.js(back) != light
    page.driver.refresh()
    assert page.js("return document.documentElement.dataset.theme") == "dark" and page.js(back) != light
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
        {"name": "prefers-color-scheme", "value": "dark"}]})
    page.js("localStorage.setItem('perch.theme', 'light')")
    page.driver.refresh()
    assert page.js(back) == light


def test_notifications_are_asked_for_only_when_switched_on(window, perch):
    alice, bob = perch.person("alice"), perch.person("bob")
    page = window()
    page.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": """
        window.told = []; window.asked = 0;
        class Told extends EventTarget {
            static permission = 'default';
            static async requestPermission() { window.asked++; return Told.permission = 'granted'; }
            constructor(title, options) { super(); window.told.push([title, options.body]); }
            close() {}
        }
        Object.defineProperty(window, 'Notification', { value: Told });"""})
    page.driver.refresh()
    page.login(alice.username, alice.password)
    page.click("#tab-chats")
    bob.send(alice, "unheard")
    page.wait(lambda: [bob.username, "unheard", 1] in page.chats(), "the first message")
    assert page.js("return [window.asked, window.told.length]") == [0, 0]
    open_settings(page, alice.username)
    page.click("#set-notify")
    page.wait(lambda: page.js("return window.asked") == 1, "the question")
    page.click("#settings-close")
    bob.send(alice, "heard")
    page.wait(lambda: page.js("return window.told") == [[bob.username, "heard"]], "a notification")
    alice.put(f"/dialogs/{bob.id}/mute", {"until": "forever"})
    page.wait(lambda: page.shown("#rows [aria-label=muted]"), "the sign of the muted")
    bob.send(alice, "hushed")
    page.wait(lambda: [bob.username, "hushed", 3] in page.chats(), "the third message")
    assert page.js("return window.told.length") == 1
    assert page.driver.title == "(3) Perch" and "data:image/png" in page.js("return document.querySelector('[rel=icon]').href")
