"""What the worker is for: many requests at once, each on its own, in one process."""

import asyncio
import contextlib
import http.client
import io
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aiohttp
import pytest

PATIENCE = aiohttp.ClientTimeout(60)


async def fetch(session, url):
    async with session.get(url) as response:
        return response.status, await response.text()


def with_client(served, connections, main):
    """Run a coroutine function that gets a client session and the server's address."""

    async def run():
        connector = aiohttp.TCPConnector(limit=connections)
        async with aiohttp.ClientSession(connector=connector, timeout=PATIENCE) as session:
            return await main(session, f"http://127.0.0.1:{served.port}")

    return asyncio.run(run())


async def timed(requests):
    """Return the results and how long each request took, in seconds."""

    async def one(request):
        result = await request
        return result, time.perf_counter() - started

    started = time.perf_counter()
    return zip(*await asyncio.gather(*map(one, requests)), strict=True)


@pytest.fixture
def best_of_three():
    """Let one of three attempts be fast enough: other processes may have slowed the others."""

    def best_of_three(attempt, bound_seconds):
        taken = []
        for _ in range(3):
            taken.append(attempt())
            if taken[-1] < bound_seconds:
                return
        raise AssertionError(f"not below {bound_seconds} s: {taken}")

    return best_of_three


def test_200_coroutine_views_wait_together_and_no_blocking_view_delays_them(served, best_of_three):
    async def main(session, site):
        # The connections are made first: it is not their making that is measured.
        await asyncio.gather(*(fetch(session, f"{site}/sleep?seconds=0.1") for _ in range(220)))
        blocking = [
            asyncio.create_task(fetch(session, f"{site}/block?seconds=1")) for _ in range(20)
        ]
        results, seconds = await timed(
            [fetch(session, f"{site}/sleep?seconds=1") for _ in range(200)]
        )
        assert set(results) == {(200, "slept")}
        assert set(await asyncio.gather(*blocking)) == {(200, "blocked")}
        return max(seconds)

    # In 40 threads it would take five seconds.
    best_of_three(lambda: with_client(served, 300, main), 3)


def test_a_coroutine_view_is_quick_while_all_threads_are_busy(served, best_of_three):
    async def main(session, site):
        await asyncio.gather(*(fetch(session, f"{site}/sleep?seconds=0.1") for _ in range(60)))
        blocking = [
            asyncio.create_task(fetch(session, f"{site}/block?seconds=2")) for _ in range(50)
        ]
        await asyncio.sleep(0.1)  # all of them are on their way by now
        results, seconds = await timed([fetch(session, f"{site}/hello") for _ in range(5)])
        assert set(results) == {(200, "hello")}
        assert not any(task.done() for task in blocking)
        await asyncio.gather(*blocking)
        return max(seconds)

    best_of_three(lambda: with_client(served, 100, main), 0.8)


TINY_CHUNKS = b"1\r\nx\r\n" * 40_000
TINY_REQUESTS = b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n" * 5_000
CHUNKED = b"POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


async def flood(port, head, data):
    """Send as fast as the server reads, and read what it answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def read():
        while await reader.read(1 << 16):
            pass

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(read())
            writer.write(head)
            while True:
                writer.write(data)
                await writer.drain()
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)


@contextlib.contextmanager
def flooded(port, head, data):
    """Flood the worker with five clients, in a thread."""
    ended = threading.Event()

    async def main():
        floods = [asyncio.create_task(flood(port, head, data)) for _ in range(5)]
        await asyncio.to_thread(ended.wait)
        assert not any(each.done() for each in floods)
        for each in floods:
            each.cancel()
        await asyncio.wait(floods)

    with ThreadPoolExecutor() as executor:
        flooding = executor.submit(asyncio.run, main())
        try:
            yield
        finally:
            ended.set()
            flooding.result()


def cpu_seconds(worker):
    """Return the CPU time of a worker's event loop: other processes take none of it."""
    return int(Path(f"/proc/{worker}/schedstat").read_text().split()[0]) / 1e9


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the file with the CPU time")
@pytest.mark.parametrize(("head", "data"), [(CHUNKED, TINY_CHUNKS), (b"", TINY_REQUESTS)])
def test_five_clients_that_flood_the_worker_keep_nobody_waiting(served, best_of_three, head, data):
    worker = served.said(r"Booting worker with pid: (\d+)")[1]

    def attempt():
        client = http.client.HTTPConnection("127.0.0.1", served.port, timeout=PATIENCE.total)
        with contextlib.closing(client), flooded(served.port, head, data):
            start = cpu_seconds(worker)
            served.until(lambda: cpu_seconds(worker) > start + 0.3)  # by then all of them flood it
            slowest = 0.0
            for _ in range(20):
                start = cpu_seconds(worker)
                client.request("GET", "/hello")
                assert client.getresponse().read() == b"hello"
                slowest = max(slowest, cpu_seconds(worker) - start)
            return slowest

    best_of_three(attempt, 0.1)


def test_no_request_ever_sees_another_one(served):
    async def main(session, site):
        names = [f"name{number}" for number in range(120)]
        paths = ["who", "who_in_thread"]
        urls = [f"{site}/{paths[i % 2]}?name={name}" for i, name in enumerate(names)]
        results = await asyncio.gather(*(fetch(session, url) for url in urls))
        assert results == [(200, name) for name in names]

    with_client(served, 60, main)


def test_an_error_in_a_coroutine_view_reaches_its_exception_view(served):
    assert served.get("/fail") == (418, "expected: by the coroutine")


def test_the_traceback_in_the_log_names_the_line_of_the_view(served):
    assert served.get("/crash") == (500, "Internal Server Error\n")
    served.said(r'served_app\.py", line \d+, in crash$')
    served.said(r"^    raise LookupError\(.a bug.\)")
    served.said("^LookupError: a bug$")


def test_large_uploads_at_once_arrive_whole(served):
    async def main(session, site):
        async def post(size):
            async with session.post(f"{site}/upload", data=io.BytesIO(b"x" * size)) as response:
                return int(await response.text())

        sizes = [1, 600_000, 3_000_000] * 4
        assert await asyncio.gather(*map(post, sizes)) == sizes

    with_client(served, 20, main)
