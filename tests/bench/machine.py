"""What was measured, where and when: figures without that are worth nothing."""

import datetime
import os
import platform
import re
import subprocess
from pathlib import Path

from perchtest.instance import find_build

TOP = Path(__file__).resolve().parents[2]


def output(*command):
    """What a command prints (its standard error where it prints nothing), or "" when it fails."""
    try:
        result = subprocess.run(command, cwd=TOP, capture_output=True, text=True, timeout=30)
    except FileNotFoundError:
        return ""
    return (result.stdout or result.stderr).strip() if result.returncode == 0 else ""


def load_build():
    """perch-load is a check program: a plain make does not build it."""
    subprocess.run(["make", "-s", "-C", find_build(), "tests/bench/perch-load"], check=True)


def processor():
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    return found.group(1) if found else platform.machine()


def state():
    memory = re.search(r"^MemTotal:\s*(\d+) kB", Path("/proc/meminfo").read_text(), re.M)
    commit = output("git", "rev-parse", "--short=10", "HEAD")
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": commit,
        "changed": bool(output("git", "status", "--porcelain", "--untracked-files=no")) if commit else None,
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(int(memory.group(1)) / 2**20, 1),
        "kernel": platform.release(),
        "load_before": os.getloadavg()[0],
        "versions": {
            "perch-fcgi": output(str(find_build() / "perch-fcgi"), "--version"),
            "postgresql": output("psql", "--version"),
            "nginx": output("nginx", "-v"),
            "redis": output("redis-server", "--version").partition(" sha=")[0],
        },
    }


def describe(found):
    yield f"date        {found['date']}"
    yield f"commit      {found['commit'] or 'unknown'}{' with local changes' if found['changed'] else ''}"
    yield (f"machine     {found['cores']} × {found['processor']}, {found['memory_gib']} GiB, Linux {found['kernel']},"
           f" load {found['load_before']:.2f} before")
    yield f"versions    {'; '.join(found['versions'].values())}"


def disk(folder):
    return output("findmnt", "-n", "-o", "FSTYPE,SOURCE", "-T", str(folder)) or "unknown"


def require_durable(instance):
    """A send that is not on disk does not count."""
    names = ("fsync", "synchronous_commit", "full_page_writes")
    found = {name: instance.sql(f"SHOW {name}")[0][0] for name in names}
    assert set(found.values()) == {"on"}, f"the cluster is not durable: {found}"
    return ", ".join(f"{name} on" for name in names)
