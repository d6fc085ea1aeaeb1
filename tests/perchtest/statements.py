"""The statements that the programs themselves prepare, read from their source: a test of another one proves nothing."""

import ast
import re
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
LITERAL = r'"(?:[^"\\]|\\.)*"'


def source():
    """The store's files as one text, continued lines joined, comments left out."""
    files = [path for suffix in "hc" for folder in ("common", "notifier")
             for path in sorted((TOP / folder).glob(f"store*.{suffix}"))]
    text = "".join(path.read_text() for path in files).replace("\\\n", " ")
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


def expand(tokens, text):
    """A text made of literals and of macros that are texts."""
    out = ""
    for literal, macro in re.findall(rf"({LITERAL})|(\w+)", tokens):
        if literal:
            out += ast.literal_eval(literal)
        else:
            [value] = re.findall(rf"^\s*#define {macro} (.*)$", text, flags=re.MULTILINE)
            out += expand(value, text)
    return out


def program_statement(name):
    """The SQL of one `struct pg_statement` of a store_*.c, with $1, $2 …"""
    text = source()
    found = re.findall(rf'\{{\s*"{name}",\s*((?:(?:{LITERAL}|\w+)\s*)+)\}}', text)
    assert len(found) == 1, f"{len(found)} statements are called {name}"
    return expand(found[0], text)


def session_settings():
    """What the program sets on each of its connections, as SQL."""
    text = (TOP / "common/pg.c").read_text()
    [literals] = re.findall(rf"session_settings\[\] =\s*((?:{LITERAL}\s*)+);", text)
    return "".join(ast.literal_eval(part) for part in re.findall(LITERAL, literals))


def for_psycopg(statement):
    """The same with the placeholders of psycopg: pass {"p1": …, "p2": …}."""
    return re.sub(r"\$(\d+)", r"%(p\1)s", statement.replace("%", "%%"))
