"""_keepalive: pings for clients that are silent, over a real socket."""

import asyncio
import contextlib
import sys

import pytest
from websockets.frames import Opcode

from aiopyramid_websocket._state import State
from aiopyramid_websocket._tcp import acknowledged_within


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


# --- While nothing is read, because the handler takes no message ----------------------------------


async def backed_up(end):
    """Have the connection read nothing more, and let it forget that it has read anything."""
    end.peer.send("a", "b")
    await end.until(lambda: end.connection._reader.is_paused)
    end.pass_time(21)


async def test_a_client_whose_connection_is_reset_is_noticed_by_the_next_ping(connected):
    async with connected(tcp=True, max_queue=1) as end:
        await backed_up(end)
        end.peer.reset()
        with contextlib.suppress(OSError):
            await end.peer.writer.wait_closed()
        end.pass_time(42)
        await end.connection.wait_lost()
        assert end.ws.close_code == 1006


async def test_a_client_that_has_closed_its_socket_is_noticed_by_the_second_ping(connected):
    async with connected(tcp=True, max_queue=1) as end:
        await backed_up(end)
        end.peer.writer.close()
        while end.connection.state is not State.LOST:
            end.pass_time(1000)
            await asyncio.sleep(0.01)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what was acknowledged")
async def test_a_client_whose_machine_is_gone_is_closed(connected):
    async with connected(tcp=True, max_queue=1) as end:
        await backed_up(end)
        end.peer.unplug()
        transport = end.connection._transport
        await end.until(lambda: not acknowledged_within(transport, 0.3))
        end.pass_time(42)  # the ping
        end.pass_time(62)
        assert (end.ws.closed, end.ws.close_code) == (True, 1011)


async def test_a_client_whose_machine_acknowledges_the_ping_is_not_closed(connected):
    async with connected(tcp=True, max_queue=1) as end:
        await backed_up(end)
        now = asyncio.get_running_loop().time
        for _ in range(3):
            end.pass_time(1000)
            keepalive = end.connection._keepalive
            await end.until(
                lambda pinged_at=keepalive.pinged_at: acknowledged_within(
                    end.connection._transport, now() - pinged_at
                )
            )
            end.pass_time(1000)
            assert keepalive.pinged_at is None
        assert not end.ws.closed
