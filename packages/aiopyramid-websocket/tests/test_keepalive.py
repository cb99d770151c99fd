"""_keepalive: pings for clients that are silent, over a real socket."""

import pytest
from websockets.frames import Opcode


async def test_a_silent_client_is_pinged_and_then_closed(connected):
    async with connected(ping_interval_seconds=20, ping_timeout_seconds=5) as end:
        end.pass_time(19)
        end.pass_time(21)
        assert (await end.peer.next_frame()).opcode is Opcode.PING
        end.pass_time(4)
        assert not end.ws.closed
        end.pass_time(6)
        assert await end.peer.close_code() == 1011
        assert await end.ws.recv() is None


@pytest.mark.parametrize("opcode", [Opcode.PONG, Opcode.TEXT])
async def test_any_sign_of_life_keeps_a_connection(connected, opcode):
    async with connected(ping_interval_seconds=20, ping_timeout_seconds=5) as end:
        end.pass_time(21)
        await end.peer.next_frame()
        end.peer.send(b"", opcode=opcode)
        await end.until(lambda: end.connection._keepalive.is_heard)
        end.pass_time(6)
        end.pass_time(19)
        assert not end.ws.closed


async def test_a_client_whose_pongs_we_do_not_read_is_not_closed(connected):
    async with connected(max_queue=1) as end:
        end.peer.send("a", "b")
        await end.until(lambda: end.connection._reader.is_paused)
        for _ in range(5):
            end.pass_time(1000)
        assert not end.ws.closed


async def test_pings_can_be_turned_off(connected):
    async with connected(ping_interval_seconds=None) as end:
        end.pass_time(1_000_000)
        await end.ws.send("first")
        assert await end.peer.recv() == "first"


async def test_without_a_ping_timeout_pings_go_on(connected):
    async with connected(ping_interval_seconds=20, ping_timeout_seconds=None) as end:
        for _ in range(3):
            end.pass_time(21)
            assert (await end.peer.next_frame()).opcode is Opcode.PING
        assert not end.ws.closed
