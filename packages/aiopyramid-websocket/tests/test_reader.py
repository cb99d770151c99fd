"""_reader: back-pressure on the reading side, and its budget of time, over a real socket."""

import asyncio
import itertools
import types

import pytest
from websockets.frames import Opcode

from aiopyramid_websocket import _reader


@pytest.mark.parametrize("deflate", [False, True])
async def test_a_handler_that_is_slow_stops_the_reading(connected, deflate):
    async with connected(deflate=deflate, max_queue=4) as end:
        messages = [f"{number:04}" * 250 for number in range(2000)]
        end.peer.send(*messages)
        await end.until(lambda: end.connection._reader.is_paused)
        assert end.connection._inbox.count < len(messages)
        assert [await end.ws.recv() for _ in messages] == messages
        await end.until(lambda: not end.connection._reader.is_paused)


async def test_a_queue_is_full_of_bytes_too(connected):
    async with connected(max_size_bytes=1000) as end:
        end.peer.send(*[b"x" * 900] * 3)
        await end.until(lambda: end.connection._reader.is_paused)
        assert [len(await end.ws.recv()) for _ in range(3)] == [900] * 3


async def test_little_that_unfolds_to_much_does_not_fill_the_memory(connected):
    async with connected(deflate=True) as end:
        end.peer.send(*[b"\x00" * 1_000_000] * 50)  # a few KB on the wire
        await end.until(lambda: end.connection._reader.is_paused)
        assert end.connection._inbox._waiting_bytes < 10_000_000
        assert [len(await end.ws.recv()) for _ in range(50)] == [1_000_000] * 50


# --- The budget of time ---------------------------------------------------------------------------


@pytest.fixture
def slow_parser(monkeypatch):
    """Have all the time pass that there is whenever the clock is asked."""
    clock = itertools.count(1.0)
    monkeypatch.setattr(_reader, "time", types.SimpleNamespace(perf_counter=lambda: next(clock)))


@pytest.fixture
def turns():
    """Count the turns of the event loop."""

    async def count():
        for number in itertools.count():
            counted[0] = number
            await asyncio.sleep(0)

    counted = [0]
    tasks = []

    def turns():
        if not tasks:
            tasks.append(asyncio.create_task(count()))
        return counted[0]

    return turns


async def test_a_flood_of_pings_leaves_others_their_turns(connected, slow_parser, turns):
    async with connected() as end:
        before = turns()
        end.connection.data_received(end.peer.frame(Opcode.PING) * 3200)
        assert end.connection._reader.is_paused
        for _ in range(3200):
            assert (await end.peer.next_frame()).opcode is Opcode.PONG
        assert turns() - before > 3200 // _reader._FRAMES_AT_A_TIME // 2
        assert not end.connection._reader.is_paused


@pytest.mark.parametrize("deflate", [False, True])
@pytest.mark.parametrize("piece", [b"", b"x"])
async def test_so_does_a_flood_of_fragments(connected, slow_parser, turns, deflate, piece):
    async with connected(deflate=deflate) as end:
        before = turns()
        end.connection.data_received(
            end.peer.frame(Opcode.BINARY, b"", fin=False)
            + end.peer.frame(Opcode.CONT, piece, fin=False) * 3200
            + end.peer.frame(Opcode.CONT, b"end")
        )
        assert await end.ws.recv() == piece * 3200 + b"end"
        assert turns() - before > 3200 // _reader._FRAMES_AT_A_TIME // 2


async def test_a_handler_that_keeps_up_with_a_flood_leaves_others_their_turns(
    connected, slow_parser, turns
):
    async with connected() as end:
        before = turns()
        end.connection.data_received(end.peer.frame(Opcode.TEXT, "x") * 3200)
        for _ in range(3200):
            assert await end.ws.recv() == "x"
        assert turns() - before > 3200 // _reader._FRAMES_AT_A_TIME // 2


async def test_a_large_message_is_not_parsed_in_slices(connected, slow_parser):
    async with connected() as end:
        data = end.peer.frame(Opcode.BINARY, b"x" * 1_000_000)
        end.connection.data_received(data[:500_000])
        assert not end.connection._reader.is_paused
        end.connection.data_received(data[500_000:])
        assert not end.connection._reader.is_behind
        assert await end.ws.recv() == b"x" * 1_000_000


async def test_in_the_middle_of_a_flood_a_connection_may_be_lost(connected, slow_parser, caplog):
    async with connected() as end:
        end.connection.data_received(end.peer.frame(Opcode.TEXT, "x") * 320)
        assert end.connection._reader.is_behind
        end.connection._transport.abort()
        await end.connection.wait_lost()
        got = [message async for message in end.ws]
        assert set(got) == {"x"}
        assert len(got) < 320
        await asyncio.sleep(0)
        assert caplog.records == []


async def test_in_the_middle_of_a_flood_a_close_is_answered(connected, slow_parser):
    async with connected() as end:
        end.connection.data_received(end.peer.frame(Opcode.PING) * 3200)
        closing = asyncio.create_task(end.ws.close(4000))
        assert await end.peer.close_code() == 4000
        end.peer.send_close(4000)
        await closing
