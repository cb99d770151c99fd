"""_members: members that do not keep up; the memory that they take."""

import asyncio
from collections import deque

import pytest

from aiopyramid_websocket import WebSocketClosed

BIG = "x" * 70_000  # more than a transport buffers


class SlowSocket:
    """A WebSocket whose client does not read until it is told to."""

    def __init__(self):
        self.sent = []
        self.closed = False
        self.close_code = None
        self._reads = asyncio.Event()
        self._reads.set()

    def read(self, reads=True):
        self._reads.set() if reads else self._reads.clear()

    def post(self, broadcast):
        if self.closed or not self._reads.is_set():
            return False
        self.sent.append(broadcast.message)
        return True

    async def send(self, message):
        await self._reads.wait()
        if self.closed:
            raise WebSocketClosed(1000)
        self.sent.append(message)

    async def close(self, code, reason):
        self.closed, self.close_code, self.close_reason = True, code, reason


async def fill(group, count, first=0):
    for number in range(first, first + count):
        await group.send(str(number))


async def test_a_member_that_keeps_up_has_no_queue_and_no_task(site):
    async with site() as site, site.group().join(ws := SlowSocket()) as member:
        tasks = len(asyncio.all_tasks())
        await fill(site.group(), 1000)
        assert len(asyncio.all_tasks()) == tasks
        assert member._queue == deque()
        assert len(ws.sent) == 1000


async def first_of(group, count):
    """Send messages; return the identifier of the first one."""
    await fill(group, count)
    history, _ = await group.history()
    return history[0].id


async def test_a_member_that_has_missed_few_messages_gets_them_without_a_task(site):
    async with site() as site:
        first = await first_of(site.group(), 6)
        tasks, ws = asyncio.all_tasks(), SlowSocket()
        async with site.group().join(ws, after=first):
            assert ws.sent == ["1", "2", "3", "4", "5"]
            assert asyncio.all_tasks() == tasks


async def test_a_member_that_has_missed_many_lets_other_tasks_have_a_turn(site, until):
    async with site() as site:
        first = await first_of(site.group(), 60)
        ws = SlowSocket()
        async with site.group().join(ws, after=first):
            assert len(ws.sent) == 32
            await fill(site.group(), 1, first=60)
            await until(lambda: len(ws.sent) == 60)
    assert ws.sent == [str(number) for number in range(1, 61)]


async def test_an_envelope_that_fails_for_a_missed_message_closes_the_connection(
    site, caplog, until
):
    def envelope(id, data):
        raise LookupError("no envelope")

    async with site() as site:
        first = await first_of(site.group(), 2)
        ws = SlowSocket()
        async with site.group().join(ws, after=first, envelope=envelope):
            await until(lambda: ws.closed)
    assert ws.close_code == 1011
    assert "LookupError: no envelope" in caplog.text


async def test_a_slow_member_gets_everything_in_order_when_it_reads_again(site, until):
    async with site() as site, site.group().join(ws := SlowSocket()):
        ws.read(False)
        await fill(site.group(), 50)
        ws.read()
        await fill(site.group(), 50, first=50)
        await until(lambda: len(ws.sent) == 100)
        await fill(site.group(), 1, first=100)
        assert ws.sent == [str(number) for number in range(101)]


async def test_a_member_that_does_not_keep_up_is_closed_with_1013(site, until):
    async with site() as site, site.group().join(ws := SlowSocket(), limit=10) as member:
        ws.read(False)
        await asyncio.sleep(0)
        await fill(site.group(), 12)
        await until(lambda: ws.closed)
        assert (ws.close_code, ws.close_reason) == (1013, "the client does not keep up")
        assert member._queue == deque()
        await fill(site.group(), 100)
        assert member._queue == deque()


async def test_the_oldest_messages_are_left_out_and_counted(site, until):
    async def on_resync():
        ws.sent.append("resync")

    async with site() as site:
        ws = SlowSocket()
        join = site.group().join(ws, limit=10, slow="drop", on_resync=on_resync)
        async with join as member:
            ws.read(False)
            await fill(site.group(), 1000)
            assert len(member._queue) == 10
            ws.read()
            await until(lambda: "999" in ws.sent)
            dropped = member.dropped
    kept = [message for message in ws.sent if message != "resync"]
    assert kept[-10:] == [str(number) for number in range(990, 1000)]
    assert dropped == 1000 - len(kept)
    assert "resync" in ws.sent[:2]


@pytest.mark.parametrize("slow", ["close", "drop"])
async def test_memory_is_bounded_for_a_real_client_that_does_not_read(site, until, slow):
    async with site() as site:
        site.options = {"slow": slow, "limit": 5, "on_resync": None}
        async with site.client() as ada:
            ada._connection._transport.pause_reading()
            for _ in range(100):
                await site.group().send(BIG)
                await asyncio.sleep(0)
            (member,) = site.members
            assert len(member._queue) <= 5
            ada._connection._transport.resume_reading()
            if slow == "close":
                while await ada.recv() is not None:
                    pass
                assert ada.close_code == 1013
            else:
                assert member.dropped > 50


async def test_a_failing_callback_closes_the_connection_and_is_logged(site, caplog, until):
    async def on_resync():
        raise LookupError("no state")

    async with site() as site:
        ws = SlowSocket()
        async with site.group().join(ws, after="1-1", on_resync=on_resync):
            await until(lambda: ws.closed)
    assert ws.close_code == 1011
    assert "LookupError: no state" in caplog.text


async def test_a_member_that_leaves_while_it_is_slow_leaves_nothing_behind(site, until):
    async with site() as site:
        ws = SlowSocket()
        tasks = asyncio.all_tasks()
        async with site.group().join(ws):
            ws.read(False)
            await fill(site.group(), 5)
            await asyncio.sleep(0)
        await until(lambda: asyncio.all_tasks() == tasks)
        assert ws.sent == []


async def test_messages_wait_while_a_member_is_told_to_resync(site, until):
    log = []

    async def on_resync():
        log.append("begin")
        await asyncio.sleep(0.01)
        log.append("end")

    async with site() as site:
        ws = SlowSocket()
        ws.sent = log
        async with site.group().join(ws, after="1-1", on_resync=on_resync):
            await fill(site.group(), 2)
            await until(lambda: "1" in log)
    assert log == ["begin", "end", "0", "1"]
