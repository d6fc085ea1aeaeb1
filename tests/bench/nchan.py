"""nchan as a long-poll server: Debian's module in the same nginx binary, in front of nothing.

It keeps its messages in memory, knows no sessions and writes nothing to a disk, so it shows what the waiting itself
costs. Pools and buffers are as small as in Perch's own site (nginx/site.conf.in).
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
import urllib.request
from pathlib import Path

from bench.load import Load, weigh
from perchtest import wait_for
from perchtest.instance import TOP, alive, children, free_port

MODULE = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")

CONF = """
load_module {module};
daemon off;
{user}
pid {dir}/nginx.pid;
error_log stderr warn;
worker_processes auto;
worker_rlimit_nofile {descriptors};
events {{ worker_connections {descriptors}; }}
http {{
    access_log {dir}/access.log combined buffer=64k flush=1s;
    client_body_temp_path {dir}/body;
    fastcgi_temp_path {dir}/fastcgi;
    proxy_temp_path {dir}/proxy;
    scgi_temp_path {dir}/scgi;
    uwsgi_temp_path {dir}/uwsgi;
{small}
    nchan_shared_memory_size 512m;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location = /stats {{ nchan_stub_status; }}
        location ~ ^/sub/([0-9]+)$ {{
            nchan_subscriber longpoll;
            nchan_channel_id $1;
            nchan_subscriber_first_message newest;
            nchan_subscriber_timeout 60s;
        }}
        location ~ ^/pub/([0-9]+)$ {{
            nchan_publisher;
            nchan_channel_id $1;
            nchan_message_buffer_length 20;
            nchan_message_timeout 60s;
        }}
    }}
}}
"""

# The directives of our site that say how much memory a connection and a request get.
SMALL = ("request_pool_size", "client_header_buffer_size", "large_client_header_buffers", "client_body_buffer_size",
         "keepalive_timeout", "keepalive_requests", "connection_pool_size")


def small_directives():
    text = (TOP / "nginx/site.conf.in").read_text()
    return "\n".join("    " + line for line in text.splitlines() if line.split(" ")[0] in SMALL)


class Nchan:
    """A running one; stop() ends it. Stands in for an Instance where Load wants one."""

    def __init__(self):
        self.port = free_port()
        self.dir = Path(tempfile.mkdtemp(prefix="perch-nchan-", dir=os.environ.get("PERCH_TEST_TMP", "/tmp")))
        self.dir.chmod(0o711)
        descriptors = min(int(subprocess.check_output(["bash", "-c", "ulimit -Hn"])), 32768)
        (self.dir / "nginx.conf").write_text(CONF.format(
            module=MODULE, dir=self.dir, port=self.port, descriptors=descriptors, small=small_directives(),
            user="user nobody nogroup;" if os.geteuid() == 0 else ""))
        with open(self.dir / "log", "wb") as log:
            self.process = subprocess.Popen(["nginx", "-p", self.dir, "-c", self.dir / "nginx.conf", "-e", "stderr"],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"})
        try:
            wait_for(self.answers, 20, "nchan to answer")
        except BaseException:
            self.stop()
            raise

    def answers(self):
        assert self.process.poll() is None, (self.dir / "log").read_text()
        try:
            return self.stats() is not None
        except OSError:
            return False

    def stats(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/stats", timeout=10) as reply:
            text = reply.read().decode()
        return {name: int(value) for name, value in re.findall(r"^([\w ]+): (\d+)", text, re.M)}

    def waiting(self):
        return self.stats()["subscribers"]

    def memory(self):
        return weigh([self.process.pid, *children(self.process.pid)])

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            wait_for(lambda: not alive(self.process.pid), 20, "nchan to end")
        self.process.wait(timeout=20)
        shutil.rmtree(self.dir, ignore_errors=True)


def nchan_available():
    return MODULE.exists()


def nchan_wake(people, *, waiting, rate, seconds):
    """One run in a server of its own: perch-load's figures, with "memory" per waiting poll added."""
    nchan = Nchan()
    try:
        load = Load(nchan, people)
        # What the first requests of a process leave behind belongs to no poll.
        warm = load.start("wake", server="nchan", waiting=16, rate=100, seconds=1, clients=16)
        load.result(warm, 60, go=True)
        before = nchan.memory()
        with load.start("wake", server="nchan", waiting=waiting, rate=rate, seconds=seconds, clients=16) as process:
            assert process.stdout.readline() == "waiting\n", "perch-load ended early"
            wait_for(lambda: nchan.waiting() >= waiting, 60, "the polls to wait")
            after = nchan.memory()
            process.stdin.write("go\n")
            process.stdin.flush()
            found = json.loads(process.stdout.readline())
        assert process.returncode == 0, "perch-load failed"
        found["memory"] = {kind: (after[kind] - before[kind]) / waiting for kind in after}
        return found
    finally:
        nchan.stop()
