"""Clients that mean harm, or vanish: the worker lives on, and nothing of them stays behind."""

import concurrent.futures
import contextlib
import json
import os
import signal
import socket
import threading
import time

import pytest
from websocket_wire import BINARY, CONT, PING, PONG, TEXT, Frame, Wire, close, frame

TIMES = 500
ROUND = 100  # connections at a time
MIB = 1 << 20


@pytest.fixture
def worker(served):
    """What the worker says of itself: tasks, connections, descriptors, bytes of memory."""

    def worker():
        client = served.connect("/inventory")
        found = json.loads(client.recv())
        client.close()
        return found

    worker()  # what is made once is made
    return worker


@pytest.fixture
def reach(served):
    """Open a connection on which the test says every byte; closed at its end."""
    with contextlib.ExitStack() as stack:

        def reach(path, **options):
            wire = Wire(served.port, path, **options)
            stack.callback(wire.shut)
            return wire

        yield reach


def settled(served, worker, before, *names):
    """Wait until there is as much as before; the test fails if that never happens."""
    served.until(lambda: all(worker()[name] <= before[name] for name in names))


EVERYTHING = ("tasks", "connections", "descriptors")


def test_hundreds_of_connections_leave_nothing_behind(served, worker, reach):
    def come_and_go(times):
        for number in range(times):
            wire = reach("/ws")
            wire.send(frame(TEXT, b"hello"))
            assert wire.next() == Frame(TEXT, b"hello")
            if number % 3:
                wire.send(close())
                assert wire.close_code() == 1000
            wire.shut()  # every third one without a word

    come_and_go(ROUND)
    before = worker()
    come_and_go(TIMES)
    settled(served, worker, before, *EVERYTHING)
    assert worker()["memory"] - before["memory"] < 2 * MIB
    assert "Traceback" not in served.output


def test_connections_that_are_never_opened_leave_nothing_behind(served, worker):
    before = worker()
    for _ in range(ROUND):
        with socket.create_connection(("127.0.0.1", served.port)) as sock:
            sock.sendall(b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n")
    settled(served, worker, before, *EVERYTHING)


def test_resets_leave_nothing_behind(served, worker, reach):
    before = worker()
    for _ in range(ROUND):
        wire = reach("/sends_on")
        wire.reset()
    settled(served, worker, before, *EVERYTHING)
    assert "Traceback" not in served.output


def test_a_flood_of_pings_that_reads_no_pongs_fills_no_memory(served, worker, reach):
    before = worker()
    wire = reach("/ws")
    pings = frame(PING, b"x" * 125) * 1000
    for _ in range(200):  # 26 MB; all are read, few pongs can be written
        wire.send(pings)
    others = reach("/ws")
    others.send(frame(PING, b"me too"))
    assert others.next() == Frame(PONG, b"me too")
    others.shut()
    assert worker()["memory"] - before["memory"] < 8 * MIB
    wire.reset()
    settled(served, worker, before, *EVERYTHING)


@pytest.mark.parametrize("flood", [frame(PING), frame(PONG), frame(TEXT, b"x")])
def test_a_flood_of_tiny_frames_holds_up_nobody(served, reach, flood):
    # Without a limit three seconds of this keep the worker busy for some twenty.
    over = threading.Event()

    def send(wire):
        wire._socket.settimeout(0.1)
        while not over.is_set():
            with contextlib.suppress(OSError):
                wire._socket.send(flood * 20_000)
            with contextlib.suppress(OSError):
                wire._socket.recv(1 << 20, socket.MSG_DONTWAIT)

    with concurrent.futures.ThreadPoolExecutor() as pool:
        for _ in range(3):
            pool.submit(send, reach("/ws"))
        try:
            seconds = []
            while sum(seconds) < 10 and len(seconds) < 20:
                started = time.monotonic()
                client = reach("/returns")  # a handshake, a message, a close
                assert client.next() == Frame(TEXT, b"all")
                seconds.append(time.monotonic() - started)
        finally:
            over.set()
    # On a busy machine, too; without a limit each of them takes as long as the flood before it.
    assert sorted(seconds)[len(seconds) // 2] < 3


@pytest.mark.parametrize("fragment", [frame(CONT, b"", fin=False), frame(CONT, b"x", fin=False)])
def test_fragments_without_end_fill_no_memory(served, worker, reach, fragment):
    before = worker()
    wire = reach("/ws")
    wire.send(frame(BINARY, b"", fin=False))
    for _ in range(50):
        wire.send(fragment * 10_000)
    assert worker()["memory"] - before["memory"] < 8 * MIB
    wire.reset()
    settled(served, worker, before, *EVERYTHING)


def test_messages_that_nobody_reads_are_held_back(served, worker, reach):
    before = worker()
    wire = reach("/sleeps", timeout=0.5)
    with pytest.raises(TimeoutError):
        wire.send(frame(BINARY, b"x" * 100_000) * 1000)
    assert worker()["memory"] - before["memory"] < 16 * MIB
    wire.reset()


def test_a_peer_that_is_silent_forever_is_left(served, worker, reach):
    before = worker()
    wire = reach("/impatient")
    assert wire.next().opcode == PING  # and it never answers
    assert wire.close_code() == 1011
    settled(served, worker, before, *EVERYTHING)


def test_a_child_that_a_handler_has_forked_does_not_keep_the_connection_open(reach):
    wire = reach("/forks", timeout=20)
    child = int(wire.next().payload)
    try:
        wire.send(close())
        assert wire.close_code() == 1000  # and the end of the stream after it
        os.kill(child, 0)  # it is still there
    finally:
        os.kill(child, signal.SIGTERM)
