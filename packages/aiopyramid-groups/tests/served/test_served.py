"""Groups on two gunicorns of two workers each, while Redis is killed; a warning without it."""

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
from redis_server import redis_server
from server_process import ServerProcess

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
                count = len(acknowledged)
                while len(acknowledged) < count + 2:
                    await asyncio.sleep(0.01)
                wanted = acknowledged[-1]
                while not all(wanted in reader.got for reader in readers):
                    await asyncio.sleep(0.01)

            sending = asyncio.create_task(send())
            try:
                await flows()
                await asyncio.to_thread(redis.kill)
                await asyncio.sleep(1)
                await asyncio.to_thread(redis.start)
                begin = time.monotonic()
                await flows()
                assert time.monotonic() - begin < 2
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
