"""Calls that no C file may make, tests included."""

import re

from tree import code, complain, files, finish

BANNED = {
    "strcpy": "memcpy with a known length, or struct buf", "strcat": "struct buf", "strncpy": "memcpy or snprintf",
    "stpcpy": "struct buf", "sprintf": "snprintf or buf_addf", "vsprintf": "vsnprintf", "gets": "fgets",
    "strtok": "strsep or strspn", "atoi": "strtol, checked", "atol": "strtol, checked", "atoll": "strtoll, checked",
    "atof": "strtod, checked", "alloca": "struct arena", "system": "nothing: no shell", "popen": "nothing: no shell",
    "sleep": "poll with a deadline", "usleep": "poll with a deadline", "nanosleep": "poll with a deadline",
    "clock_nanosleep": "poll with a deadline", "tmpnam": "mkstemp", "mktemp": "mkstemp", "rand": "randombytes_buf",
    "gmtime": "gmtime_r", "localtime": "localtime_r", "signal": "sigaction", "asctime": "strftime", "ctime": "strftime",
}
CALL = re.compile(rf"\b({'|'.join(BANNED)})\s*\(")

for path in files("*.c", "*.h"):
    for number, line in enumerate(code(path), 1):
        for name in CALL.findall(line):
            complain(f"{path}:{number}", f"{name}() is banned: use {BANNED[name]}")
finish()
