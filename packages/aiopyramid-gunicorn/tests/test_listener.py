"""_listener: how many connections are accepted before others get a turn, from a real backlog."""

import asyncio
import logging
import socket
import types

import pytest

from aiopyramid_gunicorn import _listener
from aiopyramid_gunicorn._listener import _BURST, Listener

CLIENTS = 4 * _BURST


@pytest.fixture
def clock(monkeypatch):
    """A clock of CPU time; a connection takes a millisecond of it, but not the first ones."""
    clock = types.SimpleNamespace(seconds=0.0)

    def process_time():
        clock.seconds += 0.001
        return clock.seconds

    monkeypatch.setattr(_listener, "time", types.SimpleNamespace(process_time=process_time))
    return clock


@pytest.fixture
def accepted(loop_factory, clock):
    """Return how many connections a listener accepts at a time, after others took so long."""

    async def accepted(seconds_of_others):
        with socket.create_server(("127.0.0.1", 0), backlog=2 * CLIENTS) as sock:
            sock.setblocking(False)
            clients = [socket.create_connection(sock.getsockname()) for _ in range(CLIENTS)]
            listener = Listener(
                *(sock, asyncio.Protocol, lambda: True, lambda: None),
                *(asyncio.get_running_loop(), logging.getLogger("test")),
            )
            listener._accept()
            before = len(listener.welcomes)
            clock.seconds += seconds_of_others
            listener._accept()
            accepted = len(listener.welcomes) - before
            await listener.settle(10)
            for client in clients:
                client.close()
            return accepted

    return accepted


async def test_others_that_took_little_time_wait_for_few_connections(accepted):
    assert await accepted(0.0) == _BURST


async def test_new_connections_get_as_much_time_as_others_had(accepted):
    assert await accepted(0.09) == pytest.approx(_BURST + 90, abs=3)


async def test_after_a_long_time_they_do_not_get_all_of_it(accepted):
    assert await accepted(3600.0) == pytest.approx(_BURST + 100, abs=3)
