"""common/conf.def, packaging/perch.conf.sample and the man page name the same settings with the same defaults."""

import os
import re
import subprocess

from tree import TOP, complain, finish, read

SAMPLE, MAN = "packaging/perch.conf.sample", "fcgi-app/perch-fcgi.8"

rows = {}
for kind, key, rest in re.findall(r"^CONF_(\w+)\(\w+, (\w+), (.*)\)$", read("common/conf.def"), re.M):
    if kind == "INT":
        initial, minimum, maximum, note = re.fullmatch(r'(\d+), (\d+), (\d+), "(.*)"', rest).groups()
        rows["PERCH_" + key] = (initial, f"{minimum} to {maximum}", note)
    else:
        initial, note = re.fullmatch(r'(NULL|".*?"), "(.*)"', rest).groups()
        rows["PERCH_" + key] = ("" if initial == "NULL" else initial.strip('"'), "", note)

sample = re.findall(r"^# (.*)\n#(PERCH_\w+)=(.*)$", read(SAMPLE), re.M)
if [name for _, name, _ in sample] != list(rows):
    complain(SAMPLE, f"its keys, in order, must be those of conf.def; differing: "
                     f"{sorted({name for _, name, _ in sample} ^ set(rows)) or 'the order'}")
for note, name, initial in sample:
    wanted = rows.get(name, (initial, "", note))
    if initial != wanted[0]:
        complain(SAMPLE, f"{name}: the default is '{wanted[0]}', not '{initial}'")
    if note != wanted[2] + (f" ({wanted[1]})" if wanted[1] else ""):
        complain(SAMPLE, f"{name}: the help in conf.def is '{wanted[2]}' {wanted[1]}")

entries = dict(re.findall(r"^\.It Ev (PERCH_\w+)\n((?:(?!\.It |\.El|\.Sh ).*\n)*)", read(MAN), re.M))
for name in rows.keys() ^ entries.keys():
    complain(MAN, f"{name} must be both here (.It Ev) and in conf.def")
for name in rows.keys() & entries.keys():
    initial, bounds, _ = rows[name]
    for wanted in filter(None, (initial, bounds)):
        if wanted not in entries[name]:
            complain(MAN, f"the entry of {name} must say '{wanted}'")

mandoc = subprocess.run([os.environ.get("MANDOC", "mandoc"), "-Tlint", "-Wwarning", TOP / MAN],
                        capture_output=True, text=True)
if mandoc.returncode != 0:
    complain(MAN, mandoc.stdout)
finish()
