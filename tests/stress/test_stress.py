"""Many requests of every kind at the same time: none meets another, and nothing is left behind."""

import asyncio
import json
import os
import random
import sys
import time
from collections import Counter

import aiohttp
import pytest
from repetition import TIMES

AT_A_TIME = 100
THREADS = 40  # of the worker, and as many of waitress's
COUNTED = ["greenlets", "requests", "tasks", "threads", "descriptors"]
TEXT = ["streamed", "iterated"]
VIEWS = ["coroutine", "ordinary", "ordinary_that_awaits", "with_tasks", "with_thread"]
VIEWS += ["with_background_task", "raises", "raises_in_thread", "of_a_class", *TEXT]
LIMIT_SECONDS = 60 * TIMES
REQUESTS = {"gunicorn": 5_000 * TIMES, "waitress": 1_000 * TIMES}
MEBIBYTE = 1 << 20
WARM_UP = 2_000
MORE_THAN_ANY_POOL_KEEPS = 300


class User:
    """Sends one request after the other, and knows what must come back."""

    def __init__(self, name, client, site, dice):
        self.name = name
        self._client = client
        self._site = site
        self._dice = dice
        self._cookie = None
        self._last = None

    async def request(self, number):
        """Send a request to any view; return the view's name.

        Each answer names the request itself, the user, and the user's request before.
        """
        view = self._dice.choice(VIEWS)
        own = f"{self.name}-{number}"
        headers = {"X-User": self.name}
        if self._cookie:
            headers["Cookie"] = self._cookie
        url = f"{self._site}/node/node/{view}?id={own}"
        async with self._client.get(url, headers=headers) as response:
            text = await response.text()
            assert response.status == 200, f"{view} {own}: {response.status} {text}"
            self._cookie = response.headers["Set-Cookie"].partition(";")[0]
        if view in TEXT:
            assert text == f"{own} " * 5 + f"{self.name} {self._last}", f"{view} {own}: {text}"
        else:
            expected = {"id": own, "user": self.name, "before": self._last}
            assert json.loads(text) == expected, f"{view} {own}: {text}"
        self._last = own
        return view


def new_client():
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(LIMIT_SECONDS),
    )


async def send(site, count, dice, name):
    """Send ``count`` requests, so many at a time, and return how many each view has had."""
    numbers = iter(range(count))
    views = Counter()
    started = time.monotonic()

    async def work(user):
        for number in numbers:
            views[await user.request(number)] += 1
            if number and number % 1000 == 0:
                rate = number / (time.monotonic() - started)
                print(f"{name}: {number} of {count}, {rate:.0f} a second", file=sys.stderr)

    async with new_client() as client, asyncio.timeout(LIMIT_SECONDS), asyncio.TaskGroup() as group:
        for number in range(AT_A_TIME):
            group.create_task(work(User(f"user{number}", client, site, dice)))
    return views


async def ask(site, path):
    """Return what the server says of itself."""
    async with new_client() as client, client.get(f"{site}/-/{path}") as response:
        assert response.status == 200, await response.text()
        return await response.json()


async def census(site):
    """Return the server's census, as soon as it stays as it is.

    The server may only be about to learn that our connections are closed.
    """
    seen = []
    for _ in range(200):
        seen.append(await ask(site, "census"))
        last = [{name: counts[name] for name in COUNTED} for counts in seen[-5:]]
        if len(last) == 5 and last.count(last[0]) == 5:
            return seen[-1]
        await asyncio.sleep(0.05)
    raise AssertionError(f"it never comes to rest: {seen[-5:]}")


def growth(before, after):
    """Return which counts have grown."""
    return {name: (before[name], after[name]) for name in COUNTED if after[name] > before[name]}


@pytest.mark.parametrize(("server", "count"), REQUESTS.items())
def test_no_request_meets_another_and_nothing_is_left_behind(serve, server, count, capsys):
    seed = int(os.environ.get("STRESS_SEED", random.randrange(1 << 32)))
    with capsys.disabled():
        print(f"\n{server}: STRESS_SEED={seed}", file=sys.stderr)
    served = serve(server)
    site = served.site

    async def main():
        # After these there is no reason to keep any more greenlets or threads than there are.
        await ask(site, f"fill_pools?size={MORE_THAN_ANY_POOL_KEEPS}")
        await asyncio.gather(
            *(ask(site, f"fill_server_threads?size={THREADS}") for _ in range(THREADS))
        )
        await send(site, WARM_UP, random.Random(seed), "warming up")
        before = await census(site)
        views = await send(site, count, random.Random(seed), server)
        return before, await census(site), views

    before, after, views = asyncio.run(main())

    assert views.total() == count
    assert set(views) == set(VIEWS)
    print(f"{server}: {before} before, {after} after {count} requests")
    assert growth(before, after) == {}
    # Python's own allocations are counted exactly; there are caches, but not one for each request.
    assert after["blocks"] - before["blocks"] < count / 5
    # Allocations of C code are included, too; but the allocator keeps what others have returned,
    # which goes up and down by some megabytes. See benchmarks/memory.py for more requests.
    assert after["resident_bytes"] - before["resident_bytes"] < 8 * MEBIBYTE
    assert "Traceback" not in served.output
    assert "never awaited" not in served.output
