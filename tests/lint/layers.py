"""Each library, system call and folder has its place: ground, store, programs."""

import re

from tree import code, complain, files, finish

# What is looked for, in the code (or, for SQL, in the texts); the files it belongs to; what to do instead.
RULES = [
    (r"\bPQ[a-z]\w+\s*\(|[<\"](libpq-fe|libpq/.*)\.h", r"common/(pg|store)(_\w+)?\.[ch]", "use common/pg.h or a store"),
    (r"\bredis[A-Z]\w*\s*\(|\bfreeReplyObject\b|<hiredis/", r"common/(loop_)?redis\.[ch]|fcgi-app/hub_(lease|redis)\.[ch]|notifier/presence\.c",
     "use common/redis.h or loop_redis.h"),
    (r"\bFCGX_\w+|<fcgi\w*\.h>", r"fcgi-app/(main|worker|request|response|cgi|hub_reply)\.[ch]",
     "use fcgi-app/request.h and response.h"),
    (r"\b(v?fork|clone3?|posix_spawnp?|daemon)\s*\(", r"fcgi-app/(master|handover)\.c", "only the master forks"),
    (r"\bcurl_\w+\s*\(|<curl/", r"notifier/bot_api\.c", "only the Bot API client speaks HTTP"),
    (r"\bjwt_\w+\s*\(|<jwt\.h>", r"fcgi-app/token\.c", "use fcgi-app/token.h"),
    (r"\bQR(code|input|spec)_\w+|<qrencode\.h>", r"fcgi-app/qr\.c", "use fcgi-app/qr.h"),
    (r"\bcrypto_pwhash\w*", r"fcgi-app/password\.c", "use fcgi-app/password.h"),
]
SQL = re.compile(r'"\s*(select\s|insert\s+into\s|update\s+[\w.]+\s+set\b|delete\s+from\s|with\s+\w+\s+as\b|call\s+\w+\.)',
                 re.I)
SQL_HOME = r"(common|notifier)/store(_\w+)?\.[ch]"
PROGRAMS = ("fcgi-app", "notifier", "ctl")


def look(path):
    for number, line in enumerate(code(path), 1):
        for pattern, home, instead in RULES:
            found = re.search(pattern, line)
            if found and not re.fullmatch(home, path):
                complain(f"{path}:{number}", f"{found.group().strip()} does not belong here: {instead}")
        include = re.search(r'#\s*include\s*"([^"]+)"', line)
        if include:
            look_include(f"{path}:{number}", path, include.group(1))
    for number, line in enumerate(code(path, texts=True), 1):
        if SQL.search(line) and not re.fullmatch(SQL_HOME, path):
            complain(f"{path}:{number}", "SQL belongs into common/store_*.c or notifier/store_*.c")


def look_include(where, path, included):
    folder = path.split("/")[0]
    for program in PROGRAMS:
        if included.startswith(program + "/") and folder != program:
            complain(where, f"{folder}/ must not include {included}: programs stand above common/ and beside each other")
    if folder == "common" and not re.search(r"/store[_.]", path) and re.search(r"(^|/)store[_.]", included):
        complain(where, f"the ground must not include {included} of the store")


for name in files("common/*.[ch]", *(f"{program}/*.[ch]" for program in PROGRAMS)):
    look(name)
finish()
