"""Whatever a person can read stands in every language: what the modules say, what the page says by itself, each error."""

import re

from tree import complain, files, finish, read

PAGE, ENGLISH = "static/index.html", "static/text_en.js"


def keys(path):
    return set(re.findall(r"^    (\w+):", read(path), re.M))


# index.html says its own in English; whatever does not stand there is in the English table.
page = set(re.findall(r'\bdata-text(?:-\w+)?="(\w+)"', read(PAGE)))
english = keys(ENGLISH) | page

# What the server sends, nginx in front of it, and what the page calls its own trouble.
modules = "".join(read(path) for path in files("static/*.js") if not re.match(r"static/(text_|docs)", path))
sent = read("common/errors.def").partition("/* Never sent")[0]
codes = set(re.findall(r'^ERR\(\w+, \d+, "(\w+)"', sent, re.M))
codes |= set(re.findall(r'"code":"(\w+)"', read("nginx/site.conf.in")))
assert english and codes

for key in sorted(set(re.findall(r"\btext\('(\w+)'", modules)) - english):
    complain(ENGLISH, f"has no {key}, which a module says")
for path in files("static/text_??.js"):
    if path == ENGLISH:
        continue
    table = keys(path)
    for key in sorted((english | {f"error_{code}" for code in codes}) - table):
        complain(path, f"has no {key}")
    for key in sorted(table - english):
        code = key.removeprefix("error_")
        if code == key or code not in codes and f"'{code}'" not in modules:
            complain(path, f"has {key}, which nothing says")
finish()
