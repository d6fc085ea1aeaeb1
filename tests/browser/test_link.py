"""What the page takes for a link, and what it does not: link.js alone, in a browser."""

HIDDEN = "\u202e\u202d\u2066\u2067\u2068\u2069\u200b\u200e\u200f\u061c\ufeff\u00ad\x07"

LINKS = [  # a text, and the links in it: as written, as followed
    ("https://example.com", [("https://example.com", "https://example.com/")]),
    ("Http://Example.com/A?b=c&d#e", [("Http://Example.com/A?b=c&d#e", "http://example.com/A?b=c&d#e")]),
    ("www.example.com/x", [("www.example.com/x", "https://www.example.com/x")]),
    ("see http://a.example, and (https://b.example/c).", [("http://a.example", "http://a.example/"), ("https://b.example/c", "https://b.example/c")]),
    ("https://en.example/wiki/Perch_(fish)", [("https://en.example/wiki/Perch_(fish)", "https://en.example/wiki/Perch_(fish)")]),
    ("(https://en.example/wiki/Perch_(fish))!", [("https://en.example/wiki/Perch_(fish)", "https://en.example/wiki/Perch_(fish)")]),
    ("[https://a.example/[x]]", [("https://a.example/[x]", "https://a.example/[x]")]),
    ("\u00abhttps://a.example\u00bb", [("https://a.example", "https://a.example/")]),
    ('<a href="https://a.example/x">y</a>', [("https://a.example/x", "https://a.example/x")]),
    ("http://localhost:8080/?q=1...", [("http://localhost:8080/?q=1", "http://localhost:8080/?q=1")]),
    ("http://[::1]:8080/", [("http://[::1]:8080/", "http://[::1]:8080/")]),
    ("http://пример.рф/путь", [("http://пример.рф/путь", "http://xn--e1afmkfd.xn--p1ai/%D0%BF%D1%83%D1%82%D1%8C")]),
    ("line\nhttps://a.example\nline", [("https://a.example", "https://a.example/")]),
    ("https://a.example/" + ")" * 4000, [("https://a.example/", "https://a.example/")]),
]
NONE = ["", "plain", "javascript:alert(1)", "JavaScript://www.example.com/%0aalert(1)", "data:text/html,www", "xhttps://a.example",
        "https://", "http://?", "www.", "www.a", "www..com", "me@www.example.com", "ftp://www.example.com/", "//example.com",
        "https://bank.example@evil.example/", "https://bank.example:pw@evil.example/", "file:///etc/passwd", "vbscript:x"]


def test_links_are_found_whole_and_without_the_sentences_punctuation(window):
    page = window()

    def links(text):
        parts = page.driver.execute_async_script(
            "const [text, done] = arguments; import('/link.js').then((link) => done(link.link_parts(text)))", text)
        assert "".join(part["text"] for part in parts) == text, "put together again it is the text"
        return [(part["text"], part["href"]) for part in parts if part.get("href")]

    for text, found in LINKS:
        assert links(text) == found
    for text in NONE:
        assert links(text) == [], text
    # Nothing unseen is part of a link, wherever it stands.
    for sign in HIDDEN:
        for text in (f"https://a.example/{sign}x", f"{sign}https://a.example/", f"https://a.example/ab{sign}"):
            assert not any(sign in word or "%" in href for word, href in links(text)), repr(text)


def test_what_was_searched_is_found_at_the_beginning_of_words(window):
    page = window()

    def hits(text, query):
        parts = page.driver.execute_async_script(
            "const [text, q, done] = arguments; import('/link.js').then((link) => done(link.found_parts(text, q)))", text, query)
        assert "".join(part["text"] for part in parts) == text
        return [part["text"] for part in parts if part["hit"]]

    assert hits("Lunch tomorrow? Brunch, lunchtime, Über", "lunch über") == ["Lunch", "lunch", "Über"]
    assert hits("a (b) [c] .* d", ".* (b)") == ["b"]
    assert hits("one two or three", 'one or "three" -two') == ["one", "three"]
    assert hits("nothing", "") == [] and hits("nothing", "-nothing") == []
