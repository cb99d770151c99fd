"""The panels on real servers, of each kind that serves in one process."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from aiopyramid_core.testing import serving

LOOPS = ("gunicorn", "uvicorn")


@pytest.fixture(scope="module", params=[*LOOPS, "waitress"])
def served(request):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent / "served"))
        with serving("traced_app:main", request.param) as server:
            yield server


async def trace_of(http: aiohttp.ClientSession, url: str, path: str) -> Any:
    """Request a page, and return the export of its trace, found by the button in the page."""
    async with http.get(url + path) as response:
        assert response.status == 200, await response.text()
        page = await response.text()
    identity = re.search(r"/_debug_toolbar/([0-9a-f]+)", page)[1]
    async with http.get(f"{url}/_debug_toolbar/{identity}") as response:
        assert response.status == 200
        assert "pDebugPanel-waterfall-content" in await response.text()
    async with http.get(f"{url}/_debug_toolbar/{identity}/waterfall.json") as response:
        return json.loads(await response.text())


def names(trace, category):
    return [e["name"] for e in trace["traceEvents"] if e["cat"] == category and e["ph"] in "Xb"]


def test_a_coroutine_request_is_traced(served):
    async def run():
        async with aiohttp.ClientSession() as http:
            return await trace_of(http, served.url, "/coroutine")

    trace = asyncio.run(run())
    side = "event loop" if served.server in LOOPS else "thread"
    assert trace["otherData"]["side"] == side
    assert "sleep" in names(trace, "wait")
    assert names(trace, "task") == ["fetch 0: fetch", "fetch 1: fetch", "fetch 2: fetch"]
    assert names(trace, "thread") == ["read_file", "query"]
    assert names(trace, "sql") == ["select 1 -- <b>not markup</b>"]


def test_a_synchronous_request_is_traced(served):
    async def run():
        async with aiohttp.ClientSession() as http:
            return await trace_of(http, served.url, "/synchronous")

    trace = asyncio.run(run())
    assert trace["otherData"]["side"] == "thread"
    assert "fetch" in names(trace, "wait")
    assert names(trace, "sql") == ["select 1 -- <b>not markup</b>"]


def test_open_connections_are_shown(served):
    if served.server not in LOOPS:
        pytest.skip("waitress serves no WebSockets")

    async def run():
        async with aiohttp.ClientSession() as http, http.ws_connect(f"{served.url}/echo") as ws:
            await ws.send_str("four")
            assert await ws.receive_str() == "four"
            async with http.get(f"{served.url}/events") as stream:
                await stream.content.readline()
                async with http.get(f"{served.url}/_debug_toolbar/open/connections") as page:
                    return " ".join((await page.text()).split())

    page = asyncio.run(run())
    assert "websocket" in page
    assert "1 (4 B)" in page
    assert "event stream" in page
