"""Whatever people write into any field is shown as the text it is: nothing of it runs, loads or changes the page."""

import pytest

from perchtest.client import Client
from perchtest.crowd import new_sessions, tokens
from perchtest.telegram import Notifier, a_chat

RUN = "window.hit=1"
PAYLOADS = [text.replace("@", RUN) for text in (
    "<script>@</script>", "<script src=//evil.example/x.js></script>", "<script src=data:text/javascript,@></script>",
    "<ScRiPt>@</sCrIpT>", "<scr<script>ipt>@</scr</script>ipt>", "<script/x>@</script >", "<script\n>@</script\n>",
    "<img src=x onerror=@>", "<img src=x onerror='@'>", "<IMG SRC=x ONERROR=\"@\">", "<img/src=x/onerror=@>",
    "<img src='javascript:@'>", "<img srcset=x onerror=@>", "<image src=x onerror=@>", "<svg onload=@>", "<svg/onload=@>",
    "<svg><script>@</script></svg>", "<svg><animate onbegin=@ attributeName=x dur=1s>", "<svg><a xlink:href='javascript:@'>x</a></svg>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=@>", "<body onload=@>", "<iframe src='javascript:@'>",
    "<iframe srcdoc='<script>@</script>'>", "<object data='javascript:@'>", "<embed src='javascript:@'>", "<video src=x onerror=@>",
    "<audio src=x onerror=@>", "<details open ontoggle=@>", "<input autofocus onfocus=@>", "<select autofocus onfocus=@>",
    "<textarea autofocus onfocus=@></textarea>", "<marquee onstart=@>", "<style>*{display:none}</style>",
    "<style>@import '//evil.example/x.css';</style>", "<link rel=stylesheet href=//evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>", "<base href=//evil.example/>", "<form action=//evil.example><button>x",
    "<a href='javascript:@'>x</a>", "<template><script>@</script></template>", "<noscript><p title='</noscript><img src=x onerror=@>'>",
    "javascript:@", "java\tscript:@", "data:text/html,<script>@</script>", "vbscript:@", "https://x.example/\"onclick=\"@",
    "https://x.example/'><script>@</script>", "http://javascript:@", "www.x.example/<img src=x onerror=@>", "https://x@y.example/",
    "&lt;script&gt;@&lt;/script&gt;", "&#60;script&#62;@", "\\u003cscript\\u003e@", "%3Cscript%3E@", "{{constructor.constructor('@')()}}",
    "${@}", "#{@}", "<%= @ %>", "[[@]]", "__proto__", "constructor", "toString", "hasOwnProperty", "null", "undefined", "NaN", "[object Object]",
    "'; DROP TABLE users; --", "\u202egnp.exe", "\u2066\u202eabc\u2069", "a\u0300\u0301\u0302\u0303\u0304\u0305\u0306",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466", "\u200b\u200bx", "\ufdfd\ufdfd\ufdfd", "<!--", "-->", "]]>", "<![CDATA[<script>@</script>]]>",
    "<?xml version='1.0'?>", "</textarea><script>@</script>", "</title><script>@</script>", "</style><script>@</script>", "\u2028\u2029x")]
CORPUS = list(dict.fromkeys([*PAYLOADS, *(f"\">{text}" for text in PAYLOADS), *(f"'-->{text}//" for text in PAYLOADS)]))
NAME_MOST = 64


def name_of(text, number):
    """As a name: no control characters, no two alike, not too long."""
    plain = "".join(sign for sign in text if sign.isprintable() or sign in "\u202e\u2066\u2069\u200b\u200d\u2028\u2029")
    return f"{number} {plain}"[:NAME_MOST].strip()


@pytest.fixture
def watched(window):
    """A function: a page that counts what its policy had to stop, and says at the end whether it is whole."""
    pages = []

    def factory(url, person):
        page = window(url)
        page.login(person.username, person.password)
        page.js("window.stopped = []; addEventListener('securitypolicyviolation', (one) => stopped.push(one.blockedURI))")
        pages.append((page, page.js("return document.querySelectorAll('script, link, style, iframe, base, meta').length")))
        return page

    yield factory
    for page, parts in pages:
        assert page.js("return [window.hit ?? null, stopped, document.querySelectorAll("
                       "'script, link, style, iframe, base, meta').length]") == [None, [], parts]
        assert not page.js("return document.querySelector('#app img[src=x], #app object, #app embed, #app video, #app [onerror]')")


def texts(page, css):
    return page.js("return [...document.querySelectorAll(arguments[0])].map((one) => one.textContent)", css)


def test_two_hundred_strings_as_names_and_bodies_are_text(watched, perch):
    assert len(CORPUS) >= 200
    alice, bob = perch.person("alice"), perch.person("bob")
    names = [name_of(text, number) for number, text in enumerate(CORPUS)]
    sessions = new_sessions(len(names))
    rows = perch.sql("SELECT a.user_id FROM unnest(%s::bigint[], %s::text[]) WITH ORDINALITY AS s (id, name, place),"
                     " perch.create_account(name || %s, name || %s, name, 'hostile ' || %s, 'none', NULL, NULL, s.id, 1, '', '127.0.0.1') AS a"
                     " ORDER BY place", sessions, names, bob.username, bob.username, bob.username)
    users = [row[0] for row in rows]
    for token, text in zip(tokens(perch, zip(users, sessions)), CORPUS):
        Client(perch.url, token=token).send(alice, text)
    for text in CORPUS:
        alice.send(bob, f"zqx {text}")
    page = watched(perch.url, alice)

    # The list of dialogs.
    page.wait(lambda: len(page.chats()) == len(CORPUS) + 2, "all dialogs", timeout=30)
    assert set(names) < set(texts(page, "#rows .row-name"))
    assert set(CORPUS) < set(texts(page, "#rows .row-line"))

    # A dialog, all of it.
    page.driver.get(f"{perch.url}/#/with/{bob.id}")
    seen = set()

    def up():
        seen.update(texts(page, ".message .text"))
        page.js("document.getElementById('scroller').scrollTop = 0")
        return seen == {f"zqx {text}" for text in CORPUS}

    page.wait(up, "all messages", timeout=30)
    assert page.js("return [...document.querySelectorAll('.text a')].every((a) => /^https?:$/.test(a.protocol))")

    # The search.
    page.click("#find-open")
    page.type("#find-q", "zqx")

    def down():
        page.js("document.getElementById('find-list').scrollTop = 1e6")
        return len(texts(page, "#find-rows .found")) == len(CORPUS)

    page.wait(down, "all to be found", timeout=30)
    page.click("#find-close")

    # The people, whose unique names are as bad, and a dialog with one of the worst.
    page.click("#tab-people")
    page.type("#search-q", "hostile")

    def people():
        page.js("document.querySelector('#rows').parentElement.scrollTop = 1e6")
        return len(texts(page, "#rows .row-name")) >= len(CORPUS)

    page.wait(people, "all people", timeout=30)
    assert set(names) <= set(texts(page, "#rows .row-name"))
    page.driver.get(f"{perch.url}/#/with/{users[7]}")
    page.wait(lambda: page.js("return document.getElementById('talk-name').textContent") == names[7], "the name")
    assert alice.patch("/me", {"display_name": CORPUS[7][:NAME_MOST]}).status_code == 200
    page.wait(lambda: page.js("return document.getElementById('me').textContent") == CORPUS[7][:NAME_MOST], "one's own name")


def test_two_hundred_strings_as_telegram_names_are_text(perch_factory, watched):
    site = perch_factory()
    notifier = Notifier(site)
    notifier.bot()
    alice = site.person("alice")
    notifier.start(a_chat("Somebody", username=False), alice.post("/me/telegram/link").json()["code"])
    page = watched(site.url, alice)
    page.click("#telegram-open")
    for number, text in enumerate(CORPUS):
        name = name_of(text, number)
        site.sql("UPDATE perch.telegram_pending SET name = %s WHERE user_id = %s", name, alice.id)
        page.js("document.getElementById('telegram-close').click(); document.getElementById('telegram-open').click()")
        plain = "".join(sign for sign in name if sign not in "\u202e\u2066\u2069")
        page.wait(lambda: plain in page.js("return document.getElementById('telegram-note').textContent"), repr(name))
