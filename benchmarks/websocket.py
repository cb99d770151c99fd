"""Measure WebSockets: CPU time for an echoed message, and a broadcast to thousands of connections.

Each server is one worker on one core, without compression, on uvloop. A raw client keeps some
messages under way on each connection, so that the server and not the client is what is measured.
"""

import argparse
import asyncio
import math
import sys
import time
from collections.abc import Mapping
from typing import Any, Final

import uvloop
from _common.chart import LESS, Chart, Panel, bars
from _common.commands import ServerCommand
from _common.load_table import Bar
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
from _common.servers import (
    CannotMeasureError,
    Server,
    allow_connections,
    pinned,
    placed,
    running,
    starting,
    two_cores,
)
from _common.websocket_client import echo_load, listen

OURS: Final = "AsyncGunicornWorker"
WEBSOCKETS: Final = "websockets, asyncio server"
UVICORN: Final = "uvicorn, websockets-sansio"
BARS: Final = {WEBSOCKETS: 1.4, UVICORN: 1.15}
"""The project's own: so many times our CPU time for an echoed message."""

PACKAGES: Final = (
    *("aiopyramid-core", "aiopyramid-gunicorn", "aiopyramid-websocket", "websockets"),
    *("gunicorn", "uvicorn", "uvloop"),
)
WINDOWS: Final = ((16, 1), (16, 16), (16, 32), (1 << 10, 32), (64 << 10, 4))
"""Bytes of a message, and how many of them are under way on a connection."""

OVER_UVICORN: Final = {
    (16, 1): Bar(1.0, 0.87),
    (16, 16): Bar(0.5, 0.45),
    (64 << 10, 4): Bar(0.92, 0.85),
}
"""Likewise: our CPU time is at most so many times uvicorn's, by size and number of messages."""

KIBIBYTE: Final = 1 << 10

COST: Final = ".2f"
MEMORY: Final = ".1f"
"""How the figures are written."""


def commands(connections: int) -> dict[str, ServerCommand]:
    """Return the servers."""
    application = "websocket_applications"
    run = "from gunicorn.app.wsgiapp import run; run()"
    ours = [
        *(sys.executable, "-c", run, f"{application}:aiopyramid()", "--bind=127.0.0.1:0"),
        "--worker-class=aiopyramid_gunicorn.worker.AsyncGunicornWorker",
        *(f"--worker-connections={connections + 100}", "--no-control-socket"),
    ]
    uvicorn = [
        *(sys.executable, "-m", "uvicorn", "--factory", f"{application}:asgi", "--port=0"),
        *("--loop=uvloop", "--ws=websockets-sansio", "--ws-per-message-deflate=false"),
        "--no-access-log",
    ]
    return {
        OURS: ServerCommand(ours, forks=True),
        WEBSOCKETS: ServerCommand([sys.executable, "-m", application]),
        UVICORN: ServerCommand(uvicorn),
    }


# --- Echoes ---------------------------------------------------------------------------------------


def measure_echoes(options: argparse.Namespace, left_out: dict[str, str]) -> list[Sample]:
    """Return CPU microseconds for a message, one a round, by its size and kind, and server."""
    samples: list[Sample] = []
    server_core, client_core = two_cores()
    kinds = [(size, window, text) for size, window in WINDOWS for text in (True, False)]
    with (
        starting(commands(options.connections), left_out, core=server_core) as servers,
        pinned(client_core),
    ):
        for number in range(options.rounds + 1):
            for size, window, text in kinds:
                for name, server in servers.items():
                    seconds = options.seconds if number else 0.3
                    cost = _cost_of_echo(server, size, text, window, seconds)
                    if number:  # the first one warms up
                        kind = {"bytes": size, "window": window, "text": text, "server": name}
                        samples.append({"round": number, **kind, "cpu_microseconds": cost})
            progress(f"echoes: round {number} of {options.rounds}")
    return samples


def _cost_of_echo(server: Server, size: int, text: bool, window: int, seconds: float) -> float:
    before = server.cpu_seconds()
    echoed = uvloop.run(
        echo_load(server.port, b"x" * size, text=text, depth=window, connections=8, seconds=seconds)
    )
    return (server.cpu_seconds() - before) / echoed.messages * 1e6


def kinds_of(results: Results) -> list[tuple[dict[str, Any], str]]:
    """Return the kinds of messages: the fields of their samples, and how to write them."""
    return [
        (
            {"bytes": size, "window": window, "text": text},
            f"{window} x {size:,} B {'text' if text else 'binary'}",
        )
        for size in results.names("bytes")
        for window in results.names("window", bytes=size)
        for text in (True, False)
    ]


def echo_table(results: Results) -> Table:
    """Return the table of all servers."""
    rows = []
    for kind, title in kinds_of(results):
        of_ours = results.values("cpu_microseconds", server=OURS, **kind)
        for name in results.names("server", **kind):
            costs = results.values("cpu_microseconds", server=name, **kind)
            ratio = Figure.ratio(costs, of_ours)
            # Where there are bars for some sizes and windows, the other table has them.
            judged = name in BARS and (name != UVICORN or bar_of(kind) is None)
            bar = verdict(ratio, at_least=BARS[name]) if judged else ABSENT
            rows.append([name, title, Figure.of(costs).text(COST), ratio.text(), bar])
    columns = ["Server", "under way", "CPU us/message", "x ours", "bar"]
    return Table("Echoes: CPU time for a message; median (smallest-largest)", columns, rows)


def bar_of(kind: Mapping[str, Any]) -> Bar | None:
    """Return the bar of our CPU time over uvicorn's; None if there is none."""
    return OVER_UVICORN.get((kind["bytes"], kind["window"]))


def uvicorn_table(results: Results) -> Table:
    """Return the table of ours over uvicorn's CPU time."""
    rows = []
    for kind, title in kinds_of(results):
        ours, its = (
            results.values("cpu_microseconds", server=name, **kind) for name in (OURS, UVICORN)
        )
        bar = bar_of(kind)
        if bar is not None and its:
            ratio = Figure.ratio(ours, its)
            rows.append([title, ratio.text(), *bar.verdicts(ratio)])
    columns = ["Under way", "our CPU x", "bar", "next bar"]
    return Table("Echoes: our CPU time over uvicorn's; median (smallest-largest)", columns, rows)


# --- Broadcasts -----------------------------------------------------------------------------------


def measure_broadcasts(options: argparse.Namespace, left_out: dict[str, str]) -> list[Sample]:
    """Return the samples of each server, one a round, with a new process for each."""
    samples: list[Sample] = []
    server_core, client_core = two_cores()
    for number in range(1, options.rounds + 1):
        for name, command in commands(options.connections).items():
            if name in left_out:
                continue
            try:
                with (
                    running(command, core=server_core) as server,
                    pinned(client_core),
                ):
                    sample = uvloop.run(_broadcast(server, options))
            except CannotMeasureError as error:
                if name == OURS:
                    raise
                progress(f"{name} is left out of the broadcasts: {error}")
                left_out[name] = str(error)
                samples = [one for one in samples if one["server"] != name]
                continue
            samples.append({"round": number, "server": name, **sample})
            progress(f"broadcasts: round {number} of {options.rounds}: {samples[-1]}")
    return samples


async def _broadcast(server: Server, options: argparse.Namespace) -> Sample:
    count = options.connections
    first, _ = await listen(server.port, 1)
    before = server.resident_bytes()
    listeners, latencies = await listen(server.port, count)
    await asyncio.sleep(1)
    memory = (server.resident_bytes() - before) / count
    cpu = server.cpu_seconds()
    for number in range(1, options.broadcasts + 1):
        due = time.monotonic() + 1
        listeners[0].ask()
        while len(latencies.values) < number * count:
            await asyncio.sleep(0.05)
            if time.monotonic() > due + 30:
                raise CannotMeasureError(f"{len(latencies.values)} of {number * count} came")
        await asyncio.sleep(max(0.0, due - time.monotonic()))
    cpu = (server.cpu_seconds() - cpu) / options.broadcasts
    for listener in (*first, *listeners):
        listener.transport.abort()
    ordered = sorted(latencies.values)
    return {
        "kibibytes_per_connection": memory / KIBIBYTE,
        "broadcast_cpu_milliseconds": 1000 * cpu,
        "p50_milliseconds": ordered[len(ordered) // 2] / 1e6,
        "p99_milliseconds": ordered[math.ceil(len(ordered) * 0.99) - 1] / 1e6,
    }


def broadcast_table(results: Results) -> Table:
    """Return the table to print."""
    rows = []
    for name in results.names("server"):
        memory, of_ours = (
            results.values("kibibytes_per_connection", server=each) for each in (name, OURS)
        )
        if not memory:  # it was left out
            continue
        rows.append(
            [
                name,
                *(
                    Figure.of(results.values(field, server=name)).text(".0f")
                    for field in (
                        "p50_milliseconds",
                        "p99_milliseconds",
                        "broadcast_cpu_milliseconds",
                    )
                ),
                Figure.of(memory).text(MEMORY),
                ABSENT if name == OURS else verdict(Figure.ratio(of_ours, memory), at_most=1),
            ]
        )
    connections = results.parameters["connections"]
    title = f"{connections:,} connections, and a message to all of them each second"
    columns = ["Server", "p50 ms", "p99 ms", "CPU ms/broadcast", "KiB/idle connection"]
    return Table(title, [*columns, "our memory / its"], rows)


# --- Showing --------------------------------------------------------------------------------------


def tables(results: Results) -> list[Table]:
    """Return the tables to print."""
    return [echo_table(results), uvicorn_table(results), broadcast_table(results)]


def notes(results: Results) -> list[str]:
    """Return how it was measured."""
    return [
        "{rounds} rounds of {seconds:g} s for each kind of message, 8 connections with so many"
        " messages under way on each; ".format(**results.parameters)
        + placing(results)
    ]


def charts(results: Results) -> list[Chart]:
    """Return the charts."""
    note = "{rounds} rounds, one core, no compression".format(**results.parameters)

    def echoes(kind: str) -> Chart:
        panels = [
            Panel(
                f"{size:,} bytes",
                bars(
                    *(results, "cpu_microseconds", OURS),
                    bytes=size,
                    window=max(results.names("window", bytes=size)),
                    text=kind == "text",
                ),
            )
            for size in results.names("bytes")
        ]
        title = f"WebSocket echoes: {kind} messages"
        return Chart(f"websocket-{kind}", title, "CPU µs/message", LESS, COST, panels, note)

    memory = Panel("", bars(results, "kibibytes_per_connection", OURS))
    count = results.parameters["connections"]
    return [
        echoes("text"),
        echoes("binary"),
        Chart(
            "websocket-idle",
            f"{count:,} idle WebSockets: memory",
            "KiB/connection",
            LESS,
            MEMORY,
            [memory],
            note,
        ),
    ]


SHOW: Final = Presentation(PACKAGES, tables, notes, charts)


def main() -> None:
    """Measure and print; leave with a message if that is not possible."""
    parser = make_parser(__doc__, rounds=5)
    parser.add_argument(
        "--seconds",
        type=float,
        default=1.0,
        help="how long to have each kind of message echoed in a round (default: %(default)s)",
    )
    for name, default, text in (
        ("connections", 2_000, "connections that a broadcast goes to"),
        ("broadcasts", 5, "broadcasts in a round, one a second"),
    ):
        parser.add_argument(
            f"--{name}", type=positive, default=default, help=f"{text} (default: %(default)s)"
        )
    options = parser.parse_args()
    left_out: dict[str, str] = {}
    try:
        allow_connections(options.connections)
        samples = [*measure_echoes(options, left_out), *measure_broadcasts(options, left_out)]
    except CannotMeasureError as error:
        sys.exit(f"Cannot measure: {error}")
    report(SHOW, options, samples, left_out=left_out, **placed())


if __name__ == "__main__":
    main()
