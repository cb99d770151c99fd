"""_reader: back-pressure on the reading side, over a real socket."""

import pytest


@pytest.mark.parametrize("deflate", [False, True])
async def test_a_handler_that_is_slow_stops_the_reading(connected, deflate):
    async with connected(deflate=deflate, max_queue=4) as end:
        messages = [f"{number:04}" * 250 for number in range(2000)]
        end.peer.send(*messages)
        await end.until(lambda: end.connection._reader.is_paused)
        assert end.connection._inbox._queue.count < len(messages)
        assert [await end.ws.recv() for _ in messages] == messages
        assert not end.connection._reader.is_paused


async def test_a_queue_is_full_of_bytes_too(connected):
    async with connected(max_size_bytes=1000) as end:
        end.peer.send(*[b"x" * 900] * 3)
        await end.until(lambda: end.connection._reader.is_paused)
        assert [len(await end.ws.recv()) for _ in range(3)] == [900] * 3


async def test_little_that_unfolds_to_much_does_not_fill_the_memory(connected):
    async with connected(deflate=True) as end:
        end.peer.send(*[b"\x00" * 1_000_000] * 50)  # a few KB on the wire
        await end.until(lambda: end.connection._reader.is_paused)
        assert end.connection._inbox._queue._waiting_bytes < 10_000_000
        assert [len(await end.ws.recv()) for _ in range(50)] == [1_000_000] * 50
