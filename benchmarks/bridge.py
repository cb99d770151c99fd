"""Measure the bridge between synchronous code and coroutines beside its relatives.

Each way of doing a thing is measured once a round, in an order that changes from round to round,
in one process and on one event loop. A figure is the time of one call, taken over a loop of many;
it contains the loop itself and the making of the coroutine, some 0.1 us, which "await, in a
coroutine" shows alone. The garbage collector is run before each measurement and stays enabled, as
it is in a server.
"""

import asyncio
import gc
import random
import sys
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final

import greenback
from _common.chart import LESS, Bar, Chart, Panel
from _common.report import (
    ABSENT,
    Figure,
    Presentation,
    Table,
    make_parser,
    positive,
    progress,
    report,
    verdict,
)
from _common.results import Results, Sample
from asgiref.sync import async_to_sync, sync_to_async
from sqlalchemy.util import await_only, greenlet_spawn

from aiopyramid_core import await_, call_in_thread, spawn_greenlet

DEPTH: Final = 40
"""Frames between a WSGI server and a view in Pyramid, tweens and mapper included, roughly."""

READY: Final = "Waiting for a coroutine that is ready"
SUSPENDS: Final = "Waiting for a coroutine that suspends once"
EMPTY: Final = "Starting: an empty function"
DEEP: Final = f"Starting: a function {DEPTH} frames deep"
THREAD: Final = "A call in a thread"

BASELINES: Final = {
    READY: "SQLAlchemy await_only",
    SUSPENDS: "SQLAlchemy await_only",
    EMPTY: "SQLAlchemy greenlet_spawn",
    DEEP: "SQLAlchemy greenlet_spawn",
    THREAD: "loop.run_in_executor",
}
"""The baseline for the others."""

BARS: Final = {(READY, "aiopyramid await_"): 0.7, (EMPTY, "aiopyramid spawn_greenlet"): 0.3}
"""The project's own: at most so much of SQLAlchemy's time."""

PACKAGES: Final = ("aiopyramid-core", "greenlet", "sqlalchemy", "greenback", "asgiref", "uvloop")

CoroutineFunction = Callable[[], Coroutine[Any, Any, None]]
Wait = Callable[[Any], Any]
Run = Callable[[int], Awaitable[float]]


@dataclass(frozen=True)
class Way:
    """One way of doing a thing.

    Attributes:
        name: The name in the table.
        run: Does it so many times; returns the seconds that took.
        share: Calls a round, as a part of the number asked for: threads are slow.
    """

    name: str
    run: Run
    share: float = 1.0


@dataclass(frozen=True)
class Contest:
    """Ways of doing the same thing."""

    title: str
    ways: Sequence[Way]


# --- What is called -------------------------------------------------------------------------------


async def ready() -> None:
    """Return without waiting."""


async def suspends() -> None:
    """Give the event loop one turn."""
    await asyncio.sleep(0)


def nothing() -> None:
    """Return at once."""


def deep(depth: int = DEPTH) -> None:
    """Return from as many frames as a request needs."""
    if depth:
        deep(depth - 1)


# --- Loops: ``number`` calls, the time they took in seconds ---------------------------------------


def waiting(wait: Wait, coroutine: CoroutineFunction) -> Callable[[int], float]:
    """Return a loop of synchronous code that waits for a coroutine; it needs a place to run in."""

    def loop(number: int) -> float:
        start = perf_counter()
        for _ in range(number):
            wait(coroutine())
        return perf_counter() - start

    return loop


def awaiting(function: Callable[[], Awaitable[Any]]) -> Run:
    """Return a loop that awaits what ``function`` returns."""

    async def loop(number: int) -> float:
        start = perf_counter()
        for _ in range(number):
            await function()
        return perf_counter() - start

    return loop


# --- The contests ---------------------------------------------------------------------------------


def contest_waiting(title: str, coroutine: CoroutineFunction) -> Contest:
    """Return the ways of waiting for ``coroutine`` in synchronous code."""

    def asgiref_loop(number: int) -> float:
        wait = async_to_sync(coroutine)
        start = perf_counter()
        for _ in range(number):
            wait()
        return perf_counter() - start

    async def in_task_with_portal(number: int) -> float:
        # In a Task of its own: all the rest of the Task would run in the portal.
        async def task() -> float:
            await greenback.ensure_portal()
            return waiting(greenback.await_, coroutine)(number)

        return await asyncio.create_task(task())

    ours = waiting(await_, coroutine)
    sqlalchemy = waiting(await_only, coroutine)
    portal = waiting(greenback.await_, coroutine)
    return Contest(
        title,
        [
            Way("aiopyramid await_", lambda number: spawn_greenlet(ours, number)),
            Way("SQLAlchemy await_only", lambda number: greenlet_spawn(sqlalchemy, number)),
            Way(
                "greenback await_, with_portal_run_sync",
                lambda number: greenback.with_portal_run_sync(portal, number),
            ),
            Way("greenback await_, ensure_portal", in_task_with_portal),
            Way("asgiref async_to_sync", lambda number: sync_to_async(asgiref_loop)(number), 0.02),
            Way("await, in a coroutine", awaiting(coroutine)),
        ],
    )


def contest_starting(title: str, function: Callable[[], None]) -> Contest:
    """Return the ways of calling synchronous code so that it can wait."""

    async def with_portal() -> None:
        await greenback.ensure_portal()
        function()

    loop = asyncio.get_running_loop()
    return Contest(
        title,
        [
            Way("aiopyramid spawn_greenlet", awaiting(lambda: spawn_greenlet(function))),
            Way("SQLAlchemy greenlet_spawn", awaiting(lambda: greenlet_spawn(function))),
            Way(
                "greenback with_portal_run_sync",
                awaiting(lambda: greenback.with_portal_run_sync(function)),
            ),
            Way(
                "greenback ensure_portal, new Task",
                awaiting(lambda: loop.create_task(with_portal())),
                0.5,
            ),
            Way("asgiref sync_to_async", awaiting(sync_to_async(function)), 0.02),
        ],
    )


def contest_threads() -> Contest:
    """Return the ways of calling blocking code from a coroutine, all of them with threads."""
    loop = asyncio.get_running_loop()
    return Contest(
        THREAD,
        [
            Way("aiopyramid call_in_thread", awaiting(lambda: call_in_thread(None, nothing)), 0.1),
            Way("loop.run_in_executor", awaiting(lambda: loop.run_in_executor(None, nothing)), 0.1),
            Way("asyncio.to_thread", awaiting(lambda: asyncio.to_thread(nothing)), 0.1),
            Way(
                "asgiref sync_to_async, any thread",
                awaiting(sync_to_async(nothing, thread_sensitive=False)),
                0.05,
            ),
            Way(
                "asgiref sync_to_async, one thread for all", awaiting(sync_to_async(nothing)), 0.05
            ),
        ],
    )


# --- Measuring ------------------------------------------------------------------------------------


async def measure(rounds: int, number: int) -> list[Sample]:
    """Measure all contests: microseconds for a call, one sample a round and way."""
    contests = [
        contest_waiting(READY, ready),
        contest_waiting(SUSPENDS, suspends),
        contest_starting(EMPTY, nothing),
        contest_starting(DEEP, deep),
        contest_threads(),
    ]
    samples: list[Sample] = []
    progress("warming up")
    for way in (way for contest in contests for way in contest.ways):
        await way.run(max(1, int(number * way.share) // 10))  # starts threads, fills caches
    for turn in range(1, rounds + 1):
        progress(f"round {turn} of {rounds}")
        for contest in contests:
            # No candidate is always measured after the same one.
            in_turn = random.sample(contest.ways, len(contest.ways))
            measured = {}
            for way in in_turn:
                calls = max(1, int(number * way.share))
                gc.collect()
                seconds = await way.run(calls)
                measured[way.name] = {"calls": calls, "microseconds": seconds / calls * 1e6}
            samples += [
                {"round": turn, "contest": contest.title, "way": way.name, **measured[way.name]}
                for way in contest.ways
            ]
    return samples


# --- Showing --------------------------------------------------------------------------------------


def tables(results: Results) -> list[Table]:
    """Return the tables of the contests, times in microseconds."""
    return [
        Table(
            contest,
            ["", "us/call", f"x {baseline}", "bar"],
            [row(results, contest, way) for way in results.names("way", contest=contest)],
        )
        for contest, baseline in BASELINES.items()
    ]


def row(results: Results, contest: str, way: str) -> list[str]:
    """Return a row of a table."""

    def times(way: str) -> list[float]:
        return results.values("microseconds", contest=contest, way=way)

    ratio = Figure.ratio(times(way), times(BASELINES[contest]))
    bar = BARS.get((contest, way))
    judgement = ABSENT if bar is None else verdict(ratio, at_most=bar)
    return [way, Figure.of(times(way)).text(), ratio.text(), judgement]


def notes(results: Results) -> list[str]:
    """Return how it was measured."""
    loop = "uvloop" if results.parameters["uvloop"] else "asyncio"
    return [
        "{loop}, {rounds} rounds of {number} calls; median (smallest-largest) of the rounds".format(
            **{**results.parameters, "loop": loop}
        )
    ]


def charts(results: Results) -> list[Chart]:
    """Return the charts: not of the threads, whose times scatter too much."""

    def chart(name: str, title: str, *contests: str) -> Chart:
        panels = [
            Panel(
                contest.partition(": ")[2] or contest,
                [
                    Bar(
                        way,
                        results.values("microseconds", contest=contest, way=way),
                        way.startswith("aiopyramid"),
                    )
                    for way in results.names("way", contest=contest)
                ],
            )
            for contest in contests
        ]
        note = "{rounds} rounds of {number} calls".format(**results.parameters)
        return Chart(name, title, "µs/call", LESS, ".2f", panels, note, logarithmic=True)

    return [
        chart("bridge-waiting", "Synchronous code waits for a coroutine", READY, SUSPENDS),
        chart("bridge-starting", "A call that can wait is started", EMPTY, DEEP),
    ]


SHOW: Final = Presentation(PACKAGES, tables, notes, charts)


def main() -> None:
    """Measure and print."""
    parser = make_parser(__doc__, rounds=15)
    parser.add_argument(
        "--number",
        type=positive,
        default=20_000,
        help="calls a round; fewer where threads are involved (default: %(default)s)",
    )
    parser.add_argument(
        "--uvloop", action="store_true", help="measure on uvloop instead of asyncio's own loop"
    )
    options = parser.parse_args()
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    if options.uvloop:
        try:
            import uvloop
        except ImportError:
            sys.exit("Cannot measure on uvloop: it is not installed.")
        loop_factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        samples = runner.run(measure(options.rounds, options.number))
    report(SHOW, options, samples)


if __name__ == "__main__":
    main()
