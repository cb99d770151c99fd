"""Requests to an application that a library watches, 50 at a time, and what it has recorded.

The application is ``tests/monitoring/site/watched.py``.
"""

import asyncio
import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from typing import Any, Final

import aiohttp
from server_process import PATIENCE_SECONDS

NUMBERS: Final = {"coroutine": 20, "synchronous": 20, "either": 10}
"""How many requests come for each route, all at the same time."""

NAMES: Final = [f"{route}{i}" for route, number in NUMBERS.items() for i in range(number)]
FAILING: Final = [name for name in NAMES if name.endswith(("0", "5"))]

COROUTINE: Final = Counter(view=1, after=1, helper=1, task=2)
SYNCHRONOUS: Final = Counter(view=1, after=1, helper=1)
SPANS: Final = {"coroutine": COROUTINE, "synchronous": SYNCHRONOUS, "either": COROUTINE}
"""The spans of each request, by route."""

Trace = dict[str, Any]


def route_of(name: str) -> str:
    return name.rstrip("0123456789")


def path_of(name: str) -> str:
    return f"/{route_of(name)}/{name}"


class Watched:
    """The application on a server.

    Args:
        url: Its address.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def request_at_the_same_time(self) -> None:
        """Send all requests; none is answered before all of them are in their views."""
        paths = [path_of(name) + "?fail=yes" * (name in FAILING) for name in NAMES]
        answers = asyncio.run(self._get_all(paths))
        assert Counter(status for status, _ in answers) == {
            200: len(NAMES) - len(FAILING),
            500: len(FAILING),
        }

    def get(self, path: str) -> str:
        ((status, text),) = asyncio.run(self._get_all([path]))
        assert status == 200, text
        return text

    def report(self) -> dict[str, list[Any]]:
        """Return what the library has recorded so far."""
        report: dict[str, list[Any]] = json.loads(self.get("/report"))
        assert report["addresses"] == [], report["addresses"]  # it has talked to nobody
        return report

    def recorded(self, number: int) -> dict[str, list[Any]]:
        """Return the same when it has recorded so many traces: some end after the response."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(self._requests(report := self.report())) < number:
            assert time.monotonic() < deadline, report
        report["traces"] = self._requests(report)
        return report

    def _requests(self, report: dict[str, list[Any]]) -> list[Trace]:
        return [trace for trace in report["traces"] if trace["path"] != "/report"]

    async def _get_all(self, paths: list[str]) -> list[tuple[int, str]]:
        timeout = aiohttp.ClientTimeout(PATIENCE_SECONDS)
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:

            async def get(path: str) -> tuple[int, str]:
                async with session.get(self._url + path) as response:
                    return response.status, await response.text()

            return await asyncio.gather(*map(get, paths))


def check(
    report: Mapping[str, list[Any]], spans: Mapping[str, Counter[str]], label: Callable[[str], str]
) -> None:
    """Every request has a trace of its own, with its spans, its name, its error and no other's.

    Args:
        report: The recorded spans.
        spans: Which spans there are, by route.
        label: The name of the trace for a route.
    """
    traces = report["traces"]
    assert sorted(trace["path"] for trace in traces) == sorted(map(path_of, NAMES))
    strangers = defaultdict(list)
    for trace in traces:
        name = trace["path"].rpartition("/")[2]
        assert Counter(place for place, _ in trace["spans"]) == spans[route_of(name)], trace
        strangers[name] += [each for _, each in trace["spans"] if each != name]
        strangers[name] += [error for error in trace["errors"] if error != name]
        assert len(trace["errors"]) == (name in FAILING), trace
        assert trace["label"] == label(route_of(name))
    assert {name: found for name, found in strangers.items() if found} == {}
