"""common/conf.def, packaging/perch.conf.sample and the man pages name the same settings with the same defaults."""

import os
import re
import subprocess

from tree import TOP, complain, finish, read

SAMPLE = "packaging/perch.conf.sample"
MANS = ("fcgi-app/perch-fcgi.8", "notifier/perch-notifier.8")  # each setting stands in one of them

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

entries = {}
for man in MANS:
    environment = read(man).split("\n.Sh ENVIRONMENT\n")[1].split("\n.Sh ")[0] + "\n"
    for name, text in re.findall(r"^\.It Ev (PERCH_\w+)\n((?:(?!\.It |\.El|\.Sh ).*\n)*)", environment, re.M):
        if name in entries:
            complain(man, f"{name} has its entry in {entries[name][0]}")
        entries[name] = (man, text)
for name in rows.keys() - entries.keys():
    complain(" or ".join(MANS), f"{name} of conf.def must have an entry (.It Ev)")
for name, (man, text) in entries.items():
    if name not in rows:
        complain(man, f"{name} is not in conf.def")
        continue
    for wanted in filter(None, rows[name][:2]):
        if wanted not in text:
            complain(man, f"the entry of {name} must say '{wanted}'")

for man in MANS:
    mandoc = subprocess.run([os.environ.get("MANDOC", "mandoc"), "-Tlint", "-Wwarning", TOP / man],
                            capture_output=True, text=True)
    if mandoc.returncode != 0:
        complain(man, mandoc.stdout)
finish()
