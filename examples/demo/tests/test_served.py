"""The demo from development.ini, but on a free port: by pserve, as `make serve`, and by uWSGI."""

import asyncio
import json
import re
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

import aiohttp
import pytest
from aiopyramid_demo.views.fan_out import CALLS
from trace_events import check_events

ASSET = re.compile(r'(?:href|src)="([^"]+)"')

Fetch = Callable[[str], tuple[int, str]]

# Straight to this machine, whatever proxy the environment names.
open_url = build_opener(ProxyHandler({})).open


@pytest.fixture
def fetch(server: str) -> Fetch:
    def fetch(path: str) -> tuple[int, str]:
        try:
            with open_url(f"{server}{path}", timeout=10) as response:
                return response.status, response.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()

    return fetch


def test_the_home_page_links_to_nothing_that_is_not_served_here(fetch: Fetch, server: str) -> None:
    status, page = fetch("/")

    assert status == 200
    links = {link.removeprefix(server) for link in ASSET.findall(page)}
    assert "/fan-out" in links
    assert {link for link in links if not link.startswith("/")} == set()
    for link in links - {"/failing"}:
        assert fetch(link)[0] == 200


def test_fifty_calls_at_once_take_much_less_than_one_after_the_other(fetch: Fetch) -> None:
    began = time.monotonic()
    status, page = fetch("/fan-out")
    took = time.monotonic() - began

    assert status == 200
    assert page.count("--began") == 50
    waited = re.search(r"<b>([\d.]+) s</b> of waiting", page)
    assert waited
    assert float(waited[1]) > 5
    assert took < float(waited[1]) / 2


def test_the_heartbeat_goes_on_while_synchronous_views_block(server: str) -> None:
    async def run() -> int:
        async with aiohttp.ClientSession(server) as http:

            async def status(path: str) -> int:
                async with http.get(path) as response:
                    return response.status

            blocking = asyncio.gather(status("/blocking"), status("/blocking"))
            beats = 0
            while not blocking.done():
                assert await status("/heartbeat") == 200
                beats += 1
                await asyncio.sleep(0.01)
            assert blocking.result() == [200, 200]
            return beats

    assert asyncio.run(run()) > 20


def test_a_coroutine_view_runs_in_a_task_on_the_workers_loop(fetch: Fetch) -> None:
    _, heartbeat = fetch("/heartbeat")

    assert '"on_loop": true' in heartbeat
    assert re.search(r'"thread": "(MainThread|uWSGIWorker1Core0)"', heartbeat)
    assert '"loop": "uvloop"' in heartbeat


def test_the_toolbar_records_what_a_request_logged(fetch: Fetch) -> None:
    _, page = fetch("/ordinary")
    toolbar = re.search(r'href="http://[^/]+(/_debug_toolbar/\w+)"', page)
    assert toolbar

    status, panels = fetch(toolbar[1])

    assert status == 200
    assert "waited on the event loop" in panels


def test_the_waterfall_of_the_fan_out_can_be_opened_in_perfetto(fetch: Fetch) -> None:
    _, page = fetch("/fan-out")
    toolbar = re.search(r'href="http://[^/]+(/_debug_toolbar/\w+)"', page)
    assert toolbar

    trace = json.loads(fetch(f"{toolbar[1]}/waterfall.json")[1])

    check_events(trace)
    tasks = [event["name"] for event in trace["traceEvents"] if event["cat"] == "task"]
    assert tasks.count("call") == CALLS, tasks


def test_a_failing_coroutine_gets_the_toolbars_traceback(fetch: Fetch) -> None:
    status, page = fetch("/failing")

    assert status == 500
    assert "54 is not 42" in page


def test_windows_on_four_workers_are_in_one_room(four_workers: str) -> None:
    async def run() -> None:
        async with aiohttp.ClientSession(four_workers) as http, AsyncExitStack() as stack:
            windows = [
                await stack.enter_async_context(http.ws_connect(f"/chat/socket?name={name}"))
                for name in "abcdefgh"
            ]
            await windows[0].send_str("hello")
            for window in windows:
                while (await window.receive_json()).get("line", {}).get("text") != "hello":
                    pass
            await windows[-1].send_str("")
            while "here" not in (update := await windows[-1].receive_json()):
                pass
            assert sorted(update["here"]) == list("abcdefgh")

    asyncio.run(asyncio.wait_for(run(), 60))
