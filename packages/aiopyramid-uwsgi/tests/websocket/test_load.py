"""Many clients at a time on uWSGI, well-behaved and not."""

import asyncio
import contextlib
import random
import signal
import struct
from http.client import HTTPConnection
from socket import SO_LINGER, SOL_SOCKET

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

MESSAGES = 100


def messages(seed):
    """Return messages of mixed sizes, up to 1 MiB, text and binary."""
    chance = random.Random(seed)
    sizes = [chance.choice([0, 1, 125, 126, 1000, 10_000]) for _ in range(MESSAGES - 1)]
    # One of the largest for every tenth client, or the test would take minutes.
    sizes.append(1 << 20 if seed % 10 == 0 else 70_000)
    return [chance.choice(["x" * size, b"\xff" * size]) for size in sizes]


async def talk(served, number, *, compression=None):
    """Have all messages echoed, sent without waiting for the echo of the one before."""
    uri = f"ws://127.0.0.1:{served.port}/ws"
    async with connect(uri, compression=compression, proxy=None) as client:
        sent = messages(number)

        async def send():
            for message in sent:
                await client.send(message)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(send())
            for message in sent:
                assert await client.recv() == message


async def vanish(served):
    """Connect, say something, and go with a reset."""
    client = await connect(f"ws://127.0.0.1:{served.port}/ws", proxy=None)
    await client.send("x" * 10_000)
    sock = client.transport.get_extra_info("socket")
    sock.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    client.transport.abort()


def together(*coroutines, seconds=120):
    async def main():
        async with asyncio.timeout(seconds):
            await asyncio.gather(*coroutines)

    asyncio.run(main())


@pytest.fixture
def crowded(uwsgi):
    """A server for 220 clients at a time, which ends well whatever they have done."""
    served = uwsgi("--asyncio", "220", "--listen", "256")
    yield served
    served.end(signal.SIGINT)
    assert served.popen.returncode == 0
    assert "async queue is full" not in served.output
    assert "Traceback" not in served.output
    assert "died" not in served.output


def test_200_clients_get_every_message_back_once_and_in_order(crowded):
    together(*(talk(crowded, number) for number in range(200)))


def test_compressed_messages_come_back_as_well(crowded):
    together(*(talk(crowded, number, compression="deflate") for number in range(20)))


def test_clients_that_vanish_leave_no_core_behind(crowded):
    for _ in range(5):
        together(*(vanish(crowded) for _ in range(200)))
    # If the cores of the thousand were not free again, these could not connect.
    together(*(talk(crowded, number) for number in range(1, 201, 10)))


def test_half_open_clients_are_given_up(uwsgi):
    served = uwsgi(
        settings={
            "aiopyramid.websocket.ping_interval": "0.2",
            "aiopyramid.websocket.ping_timeout": "0.2",
            "aiopyramid.websocket.close_timeout": "0.2",
        }
    )

    async def main():
        clients = [
            await connect(f"ws://127.0.0.1:{served.port}/surroundings", proxy=None)
            for _ in range(20)
        ]
        for client in clients:
            client.transport.pause_reading()  # never answers a ping
        while sum("tween's callback" in line for line in served.lines) < 20:
            await asyncio.sleep(0.02)
        for client in clients:
            client.transport.abort()

    asyncio.run(asyncio.wait_for(main(), 20))


def test_a_stop_under_load_tells_every_client(crowded):
    async def chat(everybody_talks, closed):
        try:
            async with connect(f"ws://127.0.0.1:{crowded.port}/ws", proxy=None) as client:
                await everybody_talks.wait()
                while True:
                    await client.send("x" * 1000)
                    assert await client.recv() == "x" * 1000
        except ConnectionClosed as error:
            closed.append(error.rcvd and error.rcvd.code)

    async def main():
        everybody_talks, closed = asyncio.Barrier(51), []
        async with asyncio.TaskGroup() as tasks:
            for _ in range(50):
                tasks.create_task(chat(everybody_talks, closed))
            await everybody_talks.wait()
            crowded.signal(signal.SIGINT)
        assert closed == [1012] * 50

    asyncio.run(asyncio.wait_for(main(), 30))


def test_clients_that_have_gone_when_they_are_written_to_do_not_crash_the_worker(served):
    """Such a write raises SIGPIPE, whose handler in uWSGI asks for a greenlet, without the GIL."""
    handshake = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    for _ in range(20):
        with contextlib.closing(HTTPConnection("127.0.0.1", served.port, timeout=20)) as client:
            client.request("GET", "/secret?user=somebody", headers=handshake)
            assert client.getresponse().status == 101
    together(talk(served, 1))
    assert "Segmentation" not in served.output
