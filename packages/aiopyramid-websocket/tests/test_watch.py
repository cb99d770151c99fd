"""_watch: counting connections, and deadlines."""

import asyncio
import math

from aiopyramid_websocket._watch import Watch, watch_of


class Connection:
    def __init__(self, deadline=math.inf):
        self.deadline = deadline
        self.expired = asyncio.Event()

    def expire(self):
        self.deadline = math.inf
        self.expired.set()


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
    registry = {}
    assert watch_of(registry) is watch_of(registry)
