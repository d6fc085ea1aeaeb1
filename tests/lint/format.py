"""clang-format decides the layout of every C file; files and functions stay short; own header first."""

import os
import re
import subprocess

from tree import TOP, complain, files, finish, read

FILE_LINES, FUNCTION_LINES = 500, 60

sources = files("*.c", "*.h")
formatter = os.environ.get("CLANG_FORMAT", "clang-format")
result = subprocess.run([formatter, "--dry-run", "-Werror", *sources], cwd=TOP, capture_output=True, text=True)
for path in sorted(set(re.findall(r"^([^\s:]+\.[ch]):\d+:\d+: ", result.stderr, re.M))):
    complain(path, f"run {os.path.basename(formatter)} -i {path}")
if result.returncode != 0 and not result.stderr.count("clang-format-violations"):
    complain(formatter, result.stderr)

for path in sources:
    lines = read(path).split("\n")
    if not path.startswith("tests/") and len(lines) > FILE_LINES:
        complain(path, f"{len(lines)} lines: split it ({FILE_LINES} at most)")
    begin = 0
    for number, line in enumerate(lines, 1):
        if line == "{":
            begin = number
        elif line == "}" and begin:
            if number - begin - 1 >= FUNCTION_LINES and not path.startswith("tests/"):
                complain(f"{path}:{begin}", f"a function of {number - begin - 1} lines: split it")
            begin = 0
    included = re.search(r'^#include\s+["<]([^">]+)', "\n".join(lines), re.M)
    own = os.path.basename(path)[:-2] + ".h"
    if path.endswith(".c") and os.path.dirname(path) + "/" + own in sources:
        if os.path.basename(included.group(1)) != own:
            complain(path, f"include {own} first, so that it proves to be self-contained")
finish()
