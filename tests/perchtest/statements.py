"""The statements that perch-fcgi itself prepares, read from its source: a test of another one proves nothing."""

import ast
import re
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
LITERAL = r'"(?:[^"\\]|\\.)*"'


def program_statement(name):
    """The SQL of one `struct pg_statement` of common/store_*.c, with $1, $2 …"""
    pattern = re.compile(rf'\{{\s*"{name}",\s*((?:{LITERAL}\s*)+)\}}')
    found = [match for path in sorted((TOP / "common").glob("store*.c"))
             for match in pattern.findall(path.read_text())]
    assert len(found) == 1, f"{len(found)} statements are called {name}"
    return "".join(ast.literal_eval(part) for part in re.findall(LITERAL, found[0]))


def for_psycopg(statement):
    """The same with the placeholders of psycopg: pass {"p1": …, "p2": …}."""
    return re.sub(r"\$(\d+)", r"%(p\1)s", statement.replace("%", "%%"))
