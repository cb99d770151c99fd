"""Measure what observers cost: CPU time of a request without any, and with each of them.

The request has a coroutine view that suspends twice and calls a function in a thread. It runs in
this process, in a greenlet, without a server. The cases take turns, in another order each round;
observers are of the whole process, so each case begins and ends with its application.
"""

import asyncio
import random
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from _common.report import Figure, Presentation, Table, make_parser, positive, progress, report
from _common.results import Results, Sample
from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response

from aiopyramid_core import call_in_thread, spawn_greenlet
from aiopyramid_core.lifespan import lifespan_of
from aiopyramid_core.observing import Observer, add_observer, remove_observer

OFF: Final = "no observer"
EMPTY: Final = "an observer that is told of waits and does nothing"
METRICS: Final = "metrics, for Prometheus"
TOOLBAR: Final = "the debug toolbar, without our panels"
PANEL: Final = "the debug toolbar, with our panels"

PACKAGES: Final = (
    *("aiopyramid-core", "aiopyramid-debugtoolbar", "aiopyramid-metrics", "greenlet", "pyramid"),
    "prometheus_client",
)


def nothing() -> None:
    pass


async def view(request: Request) -> Response:
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await call_in_thread(None, nothing)
    return Response("done", content_type="text/plain")


class Empty(Observer):
    """Overrides two methods, so that they are called."""

    def wait_began(self, coroutine: Any) -> None:
        pass

    def wait_ended(self, coroutine: Any) -> None:
        pass


def application(includes: tuple[str, ...] = (), **settings: str) -> Any:
    """Return the application, with further packages."""
    config = Configurator(settings=settings)
    for package in includes:
        config.include(package)
    config.include("aiopyramid_core")
    config.add_route("view", "/")
    config.add_view(view, route_name="view")
    return config.make_wsgi_app()


def empty() -> Any:
    """Return the application with an observer that does nothing."""
    observed = application()
    lifespan, observer = lifespan_of(observed.registry), Empty()

    async def start(registry: Any) -> None:
        add_observer(observer)

    async def stop(registry: Any) -> None:
        remove_observer(observer)

    lifespan.add_startup(start)
    lifespan.add_shutdown(stop)
    return observed


CASES: Final[dict[str, Callable[[], Any]]] = {
    OFF: application,
    EMPTY: empty,
    METRICS: lambda: application(("aiopyramid_metrics",)),
    TOOLBAR: lambda: application(("pyramid_debugtoolbar",)),
    PANEL: lambda: application(
        ("pyramid_debugtoolbar",), **{"debugtoolbar.includes": "aiopyramid_debugtoolbar"}
    ),
}
"""What to measure: functions that make applications. Their startup functions add the observers."""


async def cost(make: Callable[[], Any], number: int) -> float:
    """Return the CPU time of a request, in microseconds."""
    served = make()
    lifespan = lifespan_of(served.registry)
    await lifespan.start()

    async def requests(count: int) -> None:
        for _ in range(count):
            request = Request.blank("/", environ={"REMOTE_ADDR": "127.0.0.1"})
            # A Task of its own, since a server gives each request a context of its own.
            await asyncio.create_task(spawn_greenlet(request.get_response, served))

    try:
        await requests(number // 10 + 1)
        before = time.process_time()
        await requests(number)
        return (time.process_time() - before) / number * 1e6
    finally:
        await lifespan.stop()


async def measure(rounds: int, number: int) -> list[Sample]:
    """Return the costs of all cases, one sample a round."""
    samples: list[Sample] = []
    for turn in range(1, rounds + 1):
        progress(f"round {turn} of {rounds}")
        for case in random.sample(list(CASES), len(CASES)):
            took = await cost(CASES[case], number)
            samples.append({"round": turn, "case": case, "cpu_microseconds": took})
    return samples


def tables(results: Results) -> list[Table]:
    """Return the table to print."""
    off = results.values("cpu_microseconds", case=OFF)
    rows = []
    for case in CASES:
        costs = results.values("cpu_microseconds", case=case)
        rows.append([case, Figure.of(costs).text(".0f"), Figure.ratio(costs, off).text(".3f")])
    return [Table("CPU us/request; median (smallest-largest)", ["Case", "us", f"x {OFF}"], rows)]


def notes(results: Results) -> list[str]:
    """Return how it was measured."""
    return ["{rounds} rounds of {number} requests, in one process".format(**results.parameters)]


SHOW: Final = Presentation(PACKAGES, tables, notes)


def main() -> None:
    """Run the benchmark."""
    parser = make_parser(__doc__, rounds=7)
    parser.add_argument(
        "--number", type=positive, default=500, help="requests in a round (default: %(default)s)"
    )
    options = parser.parse_args()
    report(SHOW, options, asyncio.run(measure(options.rounds, options.number)))


if __name__ == "__main__":
    sys.exit(main())
