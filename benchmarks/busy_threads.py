"""Measure how long answers take while all threads of a worker are busy.

60 requests to a synchronous view block all 40 threads of a worker for a second, and 20 of them wait
for a thread. During that second, a coroutine view, a health check (a synchronous view with
``run_on="loop"``) and the echo of a WebSocket message are asked for again and again, which need no
thread. gthread, which has threads only, is asked for its plain view; it has no WebSocket.

The client is asyncio's (aiohttp), pinned to a processor core of its own. The connections are open
before. A latency runs from the client's attempt to send to the last byte of the answer.
"""

import asyncio
import contextlib
import math
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from _common import BLOCK_SECONDS
from _common.commands import gunicorn
from _common.http_client import Client, echo
from _common.report import (
    ABSENT,
    Figure,
    Presentation,
    Table,
    make_parser,
    placing,
    positive,
    progress,
    report,
    verdict,
)
from _common.results import Results, Sample
from _common.servers import CannotMeasureError, Server, pinned, placed, starting, two_cores

BAR_SECONDS: Final = 0.1
"""The project's own: the longest that anything without a thread takes."""

THREADS: Final = 40
"""gthread's: as many as AsyncGunicornWorker has."""

PAUSE_SECONDS: Final = 0.01
"""Between two questions of a kind: more often, and they would be a load of their own."""

OURS: Final = "AsyncGunicornWorker"
GTHREAD: Final = f"gthread, {THREADS} threads"

PACKAGES: Final = (
    *("aiopyramid-core", "aiopyramid-gunicorn", "aiopyramid-websocket", "greenlet", "pyramid"),
    *("gunicorn", "httptools", "uvloop", "aiohttp"),
)

Questions = Mapping[str, Callable[[], Awaitable[float]]]
"""The requests to a server, by name; each returns the seconds that the answer took."""


async def questions(stack: contextlib.AsyncExitStack, name: str, server: Server) -> Questions:
    """Return what to ask a server for, with the connections that this needs."""
    client = await stack.enter_async_context(Client())
    if name == GTHREAD:
        return {"plain view": lambda: client.get(server.url("/"))}
    websocket = await stack.enter_async_context(await client.websocket(server.url("/echo")))
    return {
        "coroutine view": lambda: client.get(server.url("/")),
        "health check": lambda: client.get(server.url("/health")),
        "WebSocket message": lambda: echo(websocket),
    }


async def one_round(
    blocking: Client, server: Server, blocked: int, ask: Questions
) -> dict[str, list[float]]:
    """Ask for everything as long as no request that blocks was answered; return the latencies."""
    requests = [asyncio.create_task(blocking.get(server.url("/block"))) for _ in range(blocked)]
    for _ in requests:
        await blocking.sent.acquire()

    async def ask_for(question: Callable[[], Awaitable[float]]) -> list[float]:
        latencies = []
        while not any(request.done() for request in requests):
            latencies.append(await question())
            await asyncio.sleep(PAUSE_SECONDS)
        return latencies

    answers = await asyncio.gather(*(ask_for(question) for question in ask.values()))
    await asyncio.gather(*requests)
    return dict(zip(ask, answers, strict=True))


async def measure(servers: dict[str, Server], rounds: int, blocked: int) -> list[Sample]:
    """Return the latencies of each server and question, one sample a round."""
    samples: list[Sample] = []
    async with contextlib.AsyncExitStack() as stack:
        clients = {name: await stack.enter_async_context(Client()) for name in servers}
        asked = {name: await questions(stack, name, server) for name, server in servers.items()}
        for number in range(rounds + 1):
            for name, server in servers.items():
                answers = await one_round(clients[name], server, blocked, asked[name])
                progress(f"round {number} of {rounds}  {name}" if number else f"warming up {name}")
                if number:
                    samples += [
                        {"round": number, "server": name, "question": question, "seconds": seconds}
                        for question, seconds in answers.items()
                    ]
    return samples


def tables(results: Results) -> list[Table]:
    """Return the table to print, times in milliseconds."""
    title = "Milliseconds to an answer while {blocked} requests block {threads} threads".format(
        threads=THREADS, **results.parameters
    )
    columns = ["Server", "asked for", "answers", "median", "p99", "most", "bar (seconds)"]
    rows = [
        row(results, name, question)
        for name in results.names("server")
        for question in results.names("question", server=name)
    ]
    return [Table(title, columns, rows)]


def row(results: Results, name: str, question: str) -> list[str]:
    """Return a row of the table."""
    ordered = sorted(
        seconds
        for some in results.samples
        if (some["server"], some["question"]) == (name, question)
        for seconds in some["seconds"]
    )
    figure = Figure.of(ordered)
    p99 = ordered[math.ceil(len(ordered) * 0.99) - 1]
    return [
        name,
        question,
        f"{len(ordered):,}",
        *(f"{1000 * seconds:,.1f}" for seconds in (figure.median, p99, figure.high)),
        verdict(Figure.of([figure.high]), at_most=BAR_SECONDS) if name == OURS else ABSENT,
    ]


def notes(results: Results) -> list[str]:
    """Return how it was measured."""
    return [
        f"{results.parameters['rounds']} rounds; each request blocks for {BLOCK_SECONDS:g} s;"
        f" {placing(results)}",
        "gthread has no WebSocket, and nothing that does without a thread",
    ]


SHOW: Final = Presentation(PACKAGES, tables, notes)


def main() -> None:
    """Measure and print; leave with a message if that is not possible."""
    parser = make_parser(__doc__, rounds=10)
    parser.add_argument(
        "--blocked",
        type=positive,
        default=60,
        help="requests to the view that blocks (default: %(default)s)",
    )
    options = parser.parse_args()
    commands = {
        OURS: gunicorn("busy", "aiopyramid_gunicorn.AsyncGunicornWorker"),
        GTHREAD: gunicorn("busy_without_aiopyramid", "gthread", {"threads": THREADS}),
    }
    server_core, client_core = two_cores()
    left_out: dict[str, str] = {}
    try:
        with (
            starting(commands, left_out, core=server_core) as servers,
            pinned(client_core),
        ):
            samples = asyncio.run(measure(servers, options.rounds, options.blocked))
    except CannotMeasureError as error:
        sys.exit(f"Cannot measure: {error}")
    report(SHOW, options, samples, left_out=left_out, **placed())


if __name__ == "__main__":
    main()
