"""_watch: counting connections, and deadlines."""

import asyncio
import math
import sys

import pytest
from pyramid.registry import Registry

from aiopyramid_core import lifespan
from aiopyramid_core.lifespan import Lifespan, lifespan_of
from aiopyramid_websocket._watch import Watch, watch_of


class Connection:
    def __init__(self, deadline=math.inf):
        self.deadline = deadline
        self.expired = asyncio.Event()

    def expire(self):
        self.deadline = math.inf
        self.expired.set()

    def break_off(self):
        raise AssertionError("it has not failed")


class FailingConnection(Connection):
    def __init__(self, deadline):
        super().__init__(deadline)
        self.broken_off_for = None

    def expire(self):
        super().expire()
        raise OSError(107, "Transport endpoint is not connected")

    def break_off(self):
        self.broken_off_for = sys.exception()


async def test_a_connection_acts_when_its_deadline_has_passed(loop_factory):
    loop, watch = asyncio.get_running_loop(), Watch()
    early, late = Connection(loop.time()), Connection()
    watch.add(early, loop)
    watch.add(late, loop)
    await early.expired.wait()
    assert not late.expired.is_set()
    late.deadline = loop.time()
    await late.expired.wait()
    watch.discard(early)
    watch.discard(late)


async def test_a_connection_that_fails_is_broken_off_and_the_others_act_all_the_same(loop_factory):
    loop, watch = asyncio.get_running_loop(), Watch()
    failing = [FailingConnection(loop.time()) for _ in range(3)]
    good = [Connection(loop.time()) for _ in range(3)]
    for connection in (*failing, *good):
        watch.add(connection, loop)
    await asyncio.gather(*(each.expired.wait() for each in (*failing, *good)))
    assert all(isinstance(each.broken_off_for, OSError) for each in failing)
    good[0].expired.clear()  # and at the next look
    good[0].deadline = loop.time()
    await good[0].expired.wait()
    for connection in (*failing, *good):
        watch.discard(connection)


async def test_even_a_look_that_is_interrupted_is_not_the_last_one(loop_factory):
    class Interrupting(Connection):
        def expire(self):
            raise KeyboardInterrupt

    loop, watch, connection = asyncio.get_running_loop(), Watch(), Interrupting(-math.inf)
    watch.add(connection, loop)
    watch._timer.cancel()
    with pytest.raises(KeyboardInterrupt):
        watch._look()
    assert not watch._timer.cancelled()
    watch.discard(connection)


async def test_nothing_is_looked_at_when_all_connections_are_gone(loop_factory):
    loop, watch, connection = asyncio.get_running_loop(), Watch(), Connection()
    watch.add(connection, loop)
    watch.discard(connection)
    assert watch._timer is None
    watch.add(connection, loop)  # and again
    connection.deadline = loop.time()
    await connection.expired.wait()
    watch.discard(connection)


def test_an_application_has_one_watch():
    registry = Registry()
    lifespan.install(registry, Lifespan(registry, 1))
    assert watch_of(registry) is watch_of(registry)


async def test_clients_are_sent_away_in_turn_with_all_others_of_their_application(loop_factory):
    registry = Registry()
    lifespan.install(registry, Lifespan(registry, 1, reconnect_spread_seconds=60))
    lifespan_of(registry).announce_stop()
    away = []
    for number in range(5):
        watch_of(registry).in_turn(lambda number=number: away.append(number))
        lifespan_of(registry).when_stopping(lambda: away.append("stream"), in_turn=True)
    for number in range(5, 50):
        watch_of(registry).in_turn(lambda number=number: away.append(number))
    while len(away) < 10:
        await asyncio.sleep(0)
    assert away == [0, "stream", 1, "stream", 2, "stream", 3, "stream", 4, "stream"]
