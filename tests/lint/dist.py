"""Every tracked file is in the tarball: listed in a Makemodule.am, or in a folder that goes in whole."""

import os

from tree import TOP, complain, files, finish

# Lists of the makefile: $(DISTFILES) with the source folder before some names, and $(dist_trees).
prefixes = (str(TOP) + "/", os.environ["srcdir"] + "/")
listed = set()
for name in os.environ["DISTFILES"].split():
    for prefix in prefixes:
        name = name.removeprefix(prefix)
    listed.add(name)
trees = tuple(os.environ["DIST_TREES"].split())
installed = ("static/", "sql/", "nginx/", "common/", "fcgi-app/", "notifier/", "ctl/", "packaging/")

patterns = ["*"] if (TOP / ".git").exists() else [folder + "*" for folder in installed]
for path in files(*patterns):
    whole = any(path == tree or path.startswith(tree + "/") for tree in trees)
    if path not in listed and not whole:
        complain(path, f"is tracked, but not in the tarball: add it to {path.split('/')[0]}/Makemodule.am"
                 if "/" in path else "is tracked, but not in the tarball: add it to Makefile.am")
finish()
