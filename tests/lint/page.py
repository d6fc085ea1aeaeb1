"""The page obeys its own Content-Security-Policy and takes nothing from elsewhere: text goes in as text only. And it
stays small."""

import gzip
import re

from tree import TOP, complain, files, finish, read

# What is looked for, in which files, what is wrong with it.
RULES = [
    (r"\b(innerHTML|outerHTML|insertAdjacentHTML|setHTMLUnsafe|srcdoc|createContextualFragment|DOMParser)\b", r"js|html",
     "makes markup from text: use textContent and dom.js"),
    (r"\bdocument\s*\.\s*write(ln)?\b", r"js|html", "makes markup from text: use textContent and dom.js"),
    (r"\beval\s*\(|\bnew\s+Function\b|\bset(Timeout|Interval)\s*\(\s*['\"`]", r"js|html", "makes code from text"),
    (r"\.on[a-z]+\s*=[^=]|setAttribute\(\s*['\"`]on", r"js", "use addEventListener"),
    (r"\.cssText\b|setAttribute\(\s*['\"`]style\b", r"js", "use a class of perch.css"),
    (r"(?i)<[^>]*\son[a-z]+\s*=", r"html|svg", "an inline handler, which the policy forbids"),
    (r"(?i)<style\b|<[^>]*\sstyle\s*=", r"html|svg", "an inline style, which the policy forbids"),
    (r"(?i)<script\b(?![^>]*\ssrc=)", r"html|svg", "an inline script, which the policy forbids"),
    (r"(?i)\bjavascript:", r"js|html|svg|css", "an inline script, which the policy forbids"),
    (r"(?i)\b(https?|wss?):(?=//)|(src|href|url\()\s*=?\s*[\"']?//|@import", r"js|html|svg|css",
     "the page takes nothing from elsewhere"),
]
NAMESPACE = 'xmlns="http://www.w3.org/2000/svg"'  # a name, not an address


PAGE_BYTES_MAX = 63 * 1000  # compressed script and style, all that a visitor may load of it; /docs is another page. 60 are wanted


def look(path):
    text = read(path).replace(NAMESPACE, "")
    kind = path.rpartition(".")[2]
    for pattern, kinds, wrong in RULES:
        for found in re.finditer(pattern, text) if re.fullmatch(kinds, kind) else ():
            line = text.count("\n", 0, found.start()) + 1
            complain(f"{path}:{line}", f"{found.group().strip()[-40:]}: {wrong}")
    if kind == "js":
        look_module(path, text)


def look_module(path, text):
    if not text.startswith("// "):
        complain(path, "says at its head what it is for")
    for name in re.findall(r"""[}\w]\s+from\s+['"]([^'"]+)['"]""", text):
        if not re.fullmatch(r"\./[a-z_]+\.js", name) or not (TOP / "static" / name).is_file():
            complain(path, f"imports {name}: modules of the page lie beside each other")


def modules_of(name, found):
    """This module and those it imports."""
    if name not in found:
        found.add(name)
        for other in re.findall(r"""[}\w]\s+from\s+['"]\./([^'"]+)['"]""", read(f"static/{name}")):
            modules_of(other, found)
    return found


def look_preloads():
    """Modules that are fetched only when the one before has been read cost a round trip each."""
    named = set(re.findall(r'rel="modulepreload" href="([^"]+)"', read("static/index.html")))
    for name in sorted(named ^ (modules_of("main.js", set()) - {"main.js"})):
        complain("static/index.html", f"{name}: the modulepreload links are not those that main.js needs")


look_preloads()
pages = files("static/*.js", "static/*.html", "static/*.css", "static/*.svg")
if not pages:
    complain("static", "there is no page")
for page in pages:
    look(page)
size = sum(len(gzip.compress((TOP / page).read_bytes(), 9))
           for page in pages if page.endswith((".js", ".css")) and not page.startswith("static/docs"))
if size > PAGE_BYTES_MAX:
    complain("static", f"script and style have {size} bytes compressed, more than {PAGE_BYTES_MAX}")
finish()
