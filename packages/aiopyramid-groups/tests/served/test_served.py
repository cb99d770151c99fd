"""Groups on two gunicorns of two workers each, while Redis is killed; a warning without it."""

import asyncio
import re
import resource
import socket
import time
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import aiohttp
import pytest
from redis_server import redis_server, wait_until
from server_process import ServerProcess
from stopwatch import Stopwatch

HERE = Path(__file__).parent
MEMBERS = 40


def gunicorn(url, workers=2):
    return ServerProcess(
        "gunicorn",
        [
            *("gunicorn", "groups_app:main()", "--chdir", str(HERE), "--bind", "127.0.0.1:0"),
            *("--worker-class", "aiopyramid_gunicorn.worker.AsyncGunicornWorker"),
            *("--workers", str(workers), "--no-control-socket", "--graceful-timeout", "5"),
        ],
        {"GROUPS_URL": url},
    )


@pytest.fixture(scope="module")
def redis():
    with redis_server("--appendonly", "yes", "--appendfsync", "always") as server:
        yield server


@pytest.fixture(scope="module")
def hosts(redis):
    started = [gunicorn(redis.url), gunicorn(redis.url)]
    yield [server.site for server in started]
    for server in started:
        server.close()


class Reader:
    """A client that remembers everything it has got."""

    def __init__(self, ws):
        self.ws = ws
        self.got = []
        self.task = asyncio.create_task(self._read())

    async def _read(self):
        async for message in self.ws:
            self.got.append(message.data)
        self.got.append("closed")


async def chatters(stack, session, hosts, count):
    readers, workers = [], set()
    for number in range(count):
        site = hosts[number % len(hosts)]
        ws = await stack.enter_async_context(session.ws_connect(f"{site}/chat?who={number}"))
        workers.add(await ws.receive_str())
        readers.append(Reader(ws))
    return readers, workers


def test_members_on_four_workers_survive_a_killed_redis(hosts, redis):
    async def main():
        acknowledged, failed = [], []
        async with aiohttp.ClientSession() as session, AsyncExitStack() as stack:
            readers, workers = await chatters(stack, session, hosts, MEMBERS)
            assert len(workers) > 1

            async def send():
                number = 0
                while True:
                    number += 1
                    site = hosts[number % 2]
                    async with session.get(f"{site}/save?text={number}") as response:
                        right = response.status == 200
                    (acknowledged if right else failed).append(str(number))
                    await asyncio.sleep(0.05)  # 20 messages a second

            async def flows():
                watch = Stopwatch()
                count = len(acknowledged)
                while len(acknowledged) < count + 2:
                    await watch.sleep(0.01)
                wanted = acknowledged[-1]
                while not all(wanted in reader.got for reader in readers):
                    await watch.sleep(0.01)
                return watch.seconds

            sending = asyncio.create_task(send())
            try:
                await flows()
                await asyncio.to_thread(redis.kill)
                await asyncio.sleep(1)
                await asyncio.to_thread(redis.start)
                assert await flows() < 2
                await flows()
                async with session.get(f"{hosts[0]}/here") as response:
                    assert len(await response.json()) == MEMBERS
            finally:
                sending.cancel()
                for reader in readers:
                    reader.task.cancel()
            last = acknowledged[-1]
            orders = [
                [each for each in reader.got if each not in ("resync", last)] for reader in readers
            ]
        assert all("closed" not in order for order in orders)
        assert all(set(acknowledged[:-1]) <= set(order) for order in orders)
        assert all(len(order) == len(set(order)) for order in orders)
        common = set.intersection(*map(set, orders))
        assert len({tuple(each for each in order if each in common) for order in orders}) == 1

    asyncio.run(asyncio.wait_for(main(), 60))


def test_a_thousand_idle_members_cost_nothing_but_the_heartbeats_of_redis(hosts, redis):
    administrator = redis.client()

    def connections():
        return len(administrator.client_list()) - 1  # without the administrator's

    wait_until(lambda: connections() >= 2 * 4)  # two for each worker
    with ExitStack() as stack:
        allow_files(stack, 2000)
        first = open_socket(stack, hosts[0])
        pid = worker_of(first)
        before = wake_ups(pid, 1)
        others = [open_socket(stack, hosts[0]) for _ in range(1000)]
        assert sum(worker_of(other) == pid for other in others) > 100
        assert wake_ups(pid, 1) <= before + 5
        with urlopen(f"{hosts[1]}/save?text=awake") as response:
            assert response.status == 200
        assert b"awake" in first.recv(100)
        assert connections() == 2 * 4


def allow_files(stack, number):
    """Let this process open so many files, if the system allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(number, hard)), hard))


def open_socket(stack, site):
    """Connect and ask for a WebSocket."""
    address = urlsplit(site)
    connection = stack.enter_context(socket.create_connection((address.hostname, address.port)))
    connection.settimeout(30)
    connection.sendall(handshake(address.netloc))
    return connection


def worker_of(connection):
    """Wait until a WebSocket has joined; return the process that serves it."""
    received = b""
    while not (found := re.search(rb"worker (\d+)$", received)):
        received += connection.recv(1000)
    return int(found[1])


def handshake(host):
    lines = ["GET /chat HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade"]
    lines += ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
    return "\r\n".join([*lines, "", ""]).encode()


def wake_ups(pid, seconds):
    """Return how often a process has woken up in a while. It makes no system calls before that."""

    def count():
        files = Path(f"/proc/{pid}/task").glob("*/status")
        found = (
            re.search(r"\nvoluntary_ctxt_switches:\s(\d+)", file.read_text()) for file in files
        )
        return sum(int(match[1]) for match in found)

    begin = count()
    time.sleep(seconds)
    return count() - begin


def test_an_event_stream_resumes_on_another_host(hosts):
    async def main():
        async with aiohttp.ClientSession() as session:
            ids = []
            for number in range(3):
                async with session.get(f"{hosts[0]}/save?text=event{number}") as response:
                    ids.append(await response.text())
            headers = {"Last-Event-ID": ids[0]}
            async with session.get(f"{hosts[1]}/feed", headers=headers) as response:
                received = b""
                while b"event2" not in received:
                    received += await response.content.readany()
            assert received.decode().replace(":\n\n", "") == "".join(
                f"id: {ids[number]}\ndata: event{number}\n\n" for number in (1, 2)
            )

    asyncio.run(asyncio.wait_for(main(), 30))


def test_several_workers_without_redis_are_told_what_to_set():
    server = gunicorn("memory://")
    try:

        async def main():
            async with aiohttp.ClientSession() as session:
                await (await session.get(f"{server.site}/here")).read()

        asyncio.run(main())
        server.said("aiopyramid.groups.url = redis://localhost:6379/0")
    finally:
        server.close()
