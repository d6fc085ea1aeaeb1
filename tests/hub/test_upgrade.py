"""The program is replaced under load: HUP changes over to the file that lies in its place then."""

import asyncio
import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest

from hub.talk import Talk
from hub.test_drain import check_sent_home, waiting_polls
from hub.tree import Tree
from perchtest import wait_for
from perchtest.instance import alive, children, find_build
from perchtest.wire import eventually

FAMILY = 6  # four workers, one auth worker, one hub


@pytest.fixture
def folder():
    """A place of its own for the program, as /usr/sbin is."""
    path = Path(tempfile.mkdtemp(prefix="perch-upgrade-", dir=os.environ.get("PERCH_TEST_TMP", "/tmp")))
    path.chmod(0o755)
    install(path)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def instance(perch_factory, folder):
    return perch_factory(build=folder, WORKERS=4, AUTH_WORKERS=1)


def install(folder, content=None):
    """By rename, as dpkg does; returns the new file's inode."""
    new = folder / "perch-fcgi.new"
    new.write_bytes((find_build() / "perch-fcgi").read_bytes() if content is None else content)
    new.chmod(0o755)
    new.rename(folder / "perch-fcgi")
    return (folder / "perch-fcgi").stat().st_ino


def runs(pid, inode):
    try:
        return os.stat(f"/proc/{pid}/exe").st_ino == inode
    except FileNotFoundError:
        return False


async def upgrade(tree, folder):
    old, inode = children(tree.master), install(folder)
    os.kill(tree.master, signal.SIGHUP)
    # An upgrade that is still under way comes in between, with children that are neither.
    await eventually(lambda: not any(map(alive, old)) and len(tree.all()) == FAMILY and
                     all(runs(pid, inode) for pid in [tree.master, *tree.all()]), 20, "the new processes alone")
    assert alive(tree.master)


def test_an_upgrade_under_load_fails_no_request_and_loses_no_message(instance, folder):
    async def scenario():
        tree = Tree(instance)
        wires, cursors, polls = await waiting_polls(instance, tree)
        async with Talk(instance, pairs=12, pause=0.002) as talk:
            for _ in range(4):
                await upgrade(tree, folder)
                await talk.progress()
            await talk.finish()
            assert talk.troubles == [], f"failed requests: {talk.troubles}"
        # Of those who talk it is chance who waits; these do.
        check_sent_home(cursors, await asyncio.wait_for(asyncio.gather(*polls), 10))
        assert Tree(instance).master == tree.master
        for wire in wires:
            wire.close()

    asyncio.run(scenario())


def test_an_upgrade_answers_the_waiting_polls_spread_over_some_time(instance, folder):
    async def scenario():
        tree = Tree(instance)
        wires, cursors, polls = await waiting_polls(instance, tree)
        await upgrade(tree, folder)
        check_sent_home(cursors, await asyncio.wait_for(asyncio.gather(*polls), 10))
        for wire in wires:
            wire.close()

    asyncio.run(scenario())


def test_upgrades_one_upon_the_other_end_well(instance, folder):
    """The second HUP comes while the first is under way."""
    async def scenario():
        tree = Tree(instance)
        first = children(tree.master)
        async with Talk(instance) as talk:
            for _ in range(30):
                os.kill(tree.master, signal.SIGHUP)
                await asyncio.sleep(0.05)
            await upgrade(tree, folder)
            # The last HUP may have begun one more; and who is dead is a child until the master has looked.
            await eventually(lambda: not set(first) & set(children(tree.master)) and len(children(tree.master)) == FAMILY,
                             20, "one family")
            await talk.progress()
            await talk.finish()
            assert talk.troubles == [], f"failed requests: {talk.troubles}"

    asyncio.run(scenario())


def stays(instance, complaint):
    """After HUP there is the complaint in the log, and the same children go on."""
    tree = Tree(instance)
    before = tree.all()
    os.kill(tree.master, signal.SIGHUP)
    wait_for(lambda: complaint in instance.log() and "going on as before" in instance.log(), 20, "a complaint")
    assert tree.all() == before and alive(tree.master)
    assert instance.ready()


@pytest.mark.parametrize("content, complaint", [
    (b"#!/bin/sh\necho unfit >&2; exit 1\n", "unfit"),
    (b"\x7fELF and nothing more", "cannot be executed"),
    (b"#!/bin/sh\nkill -SEGV $$\n", "could not serve"),
], ids=["refuses", "no program", "crashes"])
def test_a_program_that_cannot_start_leaves_the_old_one_serving(instance, folder, content, complaint):
    install(folder, content)
    stays(instance, complaint)
    asyncio.run(upgrade(Tree(instance), folder))  # and it can be made good
    assert instance.ready()


def test_without_a_program_the_old_one_goes_on(instance, folder):
    (folder / "perch-fcgi").unlink()
    stays(instance, "cannot be executed: No such file")


def test_a_program_whose_schema_is_not_deployed_leaves_the_old_one_serving(instance):
    """What is prepared stays good until a connection ends; what is new asks for what is not there yet."""
    instance.sql("ALTER FUNCTION perch.edit_message(bigint, bigint, text) RENAME TO edit_message_old")
    stays(instance, "the schema does not fit")


def test_a_program_whose_children_fail_leaves_the_old_ones_serving(instance, folder):
    """It passes the look, and then it may have no more processes."""
    tree = Tree(instance)
    before = tree.all()
    install(folder, f'''#!/bin/sh
[ "$1" = --check-start ] || ulimit -p 1
exec "{find_build()}/perch-fcgi" "$@"
'''.encode())
    os.kill(tree.master, signal.SIGHUP)
    wait_for(lambda: instance.log().count("cannot fork") >= 20, 20, "the new children to fail")
    assert all(alive(pid) for pid in before) and alive(tree.master)
    assert instance.ready()


def test_when_the_hub_that_went_on_dies_nobody_is_left_waiting(instance, folder):
    """The new children may not become whom they were told to become; the old ones' hub has no successor."""
    tree = Tree(instance)
    before, hub = tree.all(), tree.hub
    install(folder, f'''#!/bin/sh
[ "$1" != --check-start ] || exec "{find_build()}/perch-fcgi" "$@"
export PERCH_USER=nobody
exec unshare --user --map-root-user "{find_build()}/perch-fcgi" "$@"
'''.encode())
    os.kill(tree.master, signal.SIGHUP)
    wait_for(lambda: "the old ones go on until the next HUP" in instance.log(), 20, "the new children to fail")
    assert all(alive(pid) for pid in before) and instance.ready()
    os.kill(hub, signal.SIGKILL)
    wait_for(lambda: not alive(tree.master) and not any(map(alive, before)), 20, "everybody to end, and be noticed")


def test_end_and_upgrade_at_once_ends(instance):
    tree = Tree(instance)
    family = children(tree.master)
    os.kill(tree.master, signal.SIGHUP)
    os.kill(tree.master, signal.SIGTERM)
    wait_for(lambda: not alive(tree.master) and not any(map(alive, family)), 15, "everybody to end")
    assert not Path(instance.env["PERCH_APP_SOCKET"]).exists()


def test_the_children_of_an_upgraded_master_follow_it_when_it_dies(instance, folder):
    async def scenario():
        tree = Tree(instance)
        await upgrade(tree, folder)
        family = tree.all()
        os.kill(tree.master, signal.SIGKILL)
        await eventually(lambda: not any(map(alive, family)), 10, "the children to follow")

    asyncio.run(scenario())
