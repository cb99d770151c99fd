"""_children: what a process that is forked has of its parent's, and what it has not."""

import asyncio
import contextlib
import multiprocessing
import os
import signal
import socket
import stat
import time

import pytest

import aiopyramid_core as core
from aiopyramid_core import ScopeError, _children, await_, call_in_thread, can_await, spawn_greenlet
from aiopyramid_core._applications import announce
from aiopyramid_core.lifespan import Lifespan
from aiopyramid_core.servers import disown_children

fork = multiprocessing.get_context("fork")


def in_child(function):
    """Return what a function returns in a child process, and the child's exit code."""
    ours, theirs = fork.Pipe()
    child = fork.Process(target=lambda: theirs.send(function()))
    child.start()
    try:
        assert ours.poll(20), "the child has said nothing"
        return ours.recv(), (child.join(20), child.exitcode)[1]
    finally:
        child.kill()
        child.join()


async def wherever_it_runs(function):
    """Fork in a greenlet of the bridge, and in an executor thread; return what the child says."""
    return [
        await spawn_greenlet(in_child, function),
        await call_in_thread(None, in_child, function),
    ]


async def answer():
    await asyncio.sleep(0)
    return os.getpid()


@pytest.fixture
def serving(monkeypatch):
    """Serve: handle SIGTERM by way of a loop; return the descriptor that it is written to."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    monkeypatch.setattr(_children, "_server", None)
    previous = (
        signal.signal(signal.SIGTERM, lambda *args: None),
        signal.set_wakeup_fd(theirs.fileno()),
    )
    yield ours
    signal.set_wakeup_fd(previous[1])
    signal.signal(signal.SIGTERM, previous[0])
    ours.close()
    theirs.close()


def test_a_signal_to_a_child_ends_the_child_and_is_not_heard_by_the_parent(serving):
    disown_children([signal.SIGTERM], list)
    for _ in range(20):
        child = fork.Process(target=time.sleep, args=(60,))
        child.start()
        child.terminate()
        child.join(20)
        assert child.exitcode == -signal.SIGTERM
    serving.setblocking(False)
    with pytest.raises(BlockingIOError):
        serving.recv(1)
    os.kill(os.getpid(), signal.SIGTERM)
    serving.settimeout(20)
    assert serving.recv(1) == bytes([signal.SIGTERM])


def test_a_child_leaves_what_its_server_has_open_and_its_own_children_have_nothing_to_leave(
    serving,
):
    left = []

    def sockets():
        left.append(os.getpid())
        return ()

    disown_children([signal.SIGTERM], sockets)

    def look():
        return len(left), left[0] == os.getpid(), in_child(lambda: len(left))

    assert in_child(look) == ((1, True, (1, 0)), 0)
    assert left == []


def test_a_child_has_none_of_the_sockets_nor_their_duplicates_and_all_others(serving):
    sockets = [socket.socketpair() for _ in range(2)]
    (ours, others), duplicate = zip(*sockets, strict=True), sockets[0][0].dup()
    disown_children([signal.SIGTERM], lambda: [sockets[0][0].fileno(), -1, 10_000])

    def has(sock):
        with contextlib.suppress(OSError):
            return stat.S_ISSOCK(os.fstat(sock.fileno()).st_mode)

    try:
        looked_at = (sockets[0][0], duplicate, sockets[0][1], sockets[1][0], serving)
        seen = in_child(lambda: [has(each) for each in looked_at])
        assert seen == ([False, False, True, True, True], 0)
        assert all(map(has, looked_at))
    finally:
        for each in (*ours, *others, duplicate):
            each.close()


def test_a_child_that_cannot_leave_goes_on(serving):
    disown_children([signal.SIGTERM], lambda: 1 / 0)
    assert in_child(lambda: "went on") == ("went on", 0)


def test_a_child_may_run_coroutines_on_a_loop_of_its_own(run):
    pid = os.getpid()
    for result, exit_code in run(wherever_it_runs, lambda: core.run(await_, answer())):
        assert (result != pid, exit_code) == (True, 0)


def test_a_child_may_use_asyncio_as_any_process_may(run):
    pid = os.getpid()
    for result, exit_code in run(wherever_it_runs, lambda: asyncio.run(answer())):
        assert (result != pid, exit_code) == (True, 0)


def test_a_child_cannot_wait_for_the_loop_of_its_parent(run):
    def look():
        try:
            await_(answer())
        except ScopeError as error:
            return can_await(), error.where
        return can_await(), "it could"

    for result, exit_code in run(wherever_it_runs, look):
        assert (result, exit_code) == ((False, "in a thread that serves no request"), 0)


def test_an_application_that_has_started_in_the_parent_has_not_in_a_child():
    class Registry(dict):
        pass

    def look():
        asyncio.run(lifespan.stop())
        asyncio.run(lifespan.start())
        return log

    registry, log = Registry(), []
    lifespan = Lifespan(registry, 1.0)
    lifespan.add_startup(lambda registry: log.append("started"))
    lifespan.add_shutdown(lambda registry: log.append("stopped"))
    announce(lifespan)
    asyncio.run(lifespan.start())
    assert in_child(look) == (["started", "started"], 0)
