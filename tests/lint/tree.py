"""What the lints share: the files of the source tree, C code without comments and texts, the report."""

import os
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

TOP = Path(os.environ.get("top_srcdir", Path(__file__).resolve().parents[2]))
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

_complaints = []


def files(*patterns):
    """Paths from the top, those git tracks; in an unpacked tarball everything but build folders."""
    if (TOP / ".git").exists():
        listed = subprocess.run(["git", "-C", TOP, "ls-files", "-z"], check=True, capture_output=True, text=True)
        paths = listed.stdout.split("\0")
    else:
        paths = [str(path.relative_to(TOP)) for path in TOP.rglob("*")]
        paths = [path for path in paths if not re.match(r"(_build|_inst|build-aux|autom4te\.cache)(/|$)", path)]
    return sorted(path for path in paths
                  if (TOP / path).is_file() and any(fnmatch(path, pattern) for pattern in patterns))


def read(path):
    return (TOP / path).read_text()


def code(path, texts=False):
    """The lines of a C file without comments and, unless wanted, without what stands in quotes."""
    def blank(match):
        token = match.group()
        if token.startswith("/"):
            return re.sub(r"[^\n]", " ", token)
        return token if texts else '""'
    pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    lines = re.sub(pattern, blank, read(path), flags=re.S)
    if not texts:  # an included name is code, though it stands in quotes
        names = re.findall(r'^\s*#\s*include\s*"([^"]+)"', read(path), re.M)
        lines = re.sub(r'(#\s*include\s*)""', lambda m: f'{m.group(1)}"{names.pop(0)}"', lines)
    return lines.split("\n")


def complain(where, what):
    _complaints.append(f"{where}: {what}")


def finish():
    print("\n".join(_complaints) or "nothing to mend")
    sys.exit(1 if _complaints else 0)
