"""Measure WebSockets: CPU time for an echoed message, and a broadcast to thousands of connections.

Each server is one worker on one core, without compression, on uvloop. A raw client keeps some
messages under way on each connection, so that the server and not the client is what is measured.
"""

import argparse
import asyncio
import contextlib
import math
import os
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvloop
from _common import HELLO
from _common.commands import ServerCommand
from _common.report import (
    ABSENT,
    Figure,
    Table,
    make_parser,
    positive,
    print_report,
    progress,
    verdict,
)
from _common.servers import CannotMeasureError, Server, pinned, running, two_cores
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
SIZES: Final = {16: 32, 1 << 10: 32, 64 << 10: 4}
"""Bytes of a message, and how many of them are under way on a connection."""

SPARE_DESCRIPTORS: Final = 200
KIBIBYTE: Final = 1 << 10


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

Kind = tuple[int, bool]
"""Bytes of a message, and whether it is text."""


def measure_echoes(options: argparse.Namespace) -> dict[Kind, dict[str, list[float]]]:
    """Return CPU microseconds for a message, one a round, by kind and server."""
    samples: dict[Kind, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    server_core, client_core = two_cores()
    with contextlib.ExitStack() as stack:
        servers = {
            name: stack.enter_context(running(command, core=server_core, path="/", body=HELLO))
            for name, command in commands(options.connections).items()
        }
        stack.enter_context(pinned(client_core))
        for number in range(options.rounds + 1):
            for size, depth in SIZES.items():
                for text in (True, False):
                    for name, server in servers.items():
                        seconds = options.seconds if number else 0.3
                        cost = _cost_of_echo(server, size, text, depth, seconds)
                        if number:  # the first one warms up
                            samples[size, text][name].append(cost)
            progress(f"echoes: round {number} of {options.rounds}")
    return samples


def _cost_of_echo(server: Server, size: int, text: bool, depth: int, seconds: float) -> float:
    before = server.cpu_seconds()
    echoed = uvloop.run(
        echo_load(server.port, b"x" * size, text=text, depth=depth, connections=8, seconds=seconds)
    )
    return (server.cpu_seconds() - before) / echoed.messages * 1e6


def echo_table(samples: Mapping[Kind, Mapping[str, list[float]]]) -> Table:
    """Return the table to print."""
    rows = []
    for (size, text), by_server in samples.items():
        for name, costs in by_server.items():
            ratio = Figure.ratio(costs, by_server[OURS])
            rows.append(
                [
                    name,
                    f"{size:,} B {'text' if text else 'binary'}",
                    Figure.of(costs).text(".2f"),
                    ratio.text(),
                    verdict(ratio, at_least=BARS[name]) if name in BARS else ABSENT,
                ]
            )
    columns = ["Server", "message", "CPU us/message", "x ours", "bar"]
    return Table("Echoes: CPU time for a message; median (smallest-largest)", columns, rows)


# --- Broadcasts -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Broadcast:
    """One server in one round."""

    bytes_per_connection: float
    cpu_milliseconds: float
    p50_milliseconds: float
    p99_milliseconds: float


def measure_broadcasts(options: argparse.Namespace) -> dict[str, list[Broadcast]]:
    """Return the samples of each server, one a round, with a new process for each."""
    samples: dict[str, list[Broadcast]] = defaultdict(list)
    server_core, client_core = two_cores()
    for number in range(1, options.rounds + 1):
        for name, command in commands(options.connections).items():
            with (
                running(command, core=server_core, path="/", body=HELLO) as server,
                pinned(client_core),
            ):
                samples[name].append(uvloop.run(_broadcast(server, options)))
            progress(f"broadcasts: round {number} of {options.rounds}: {samples[name][-1]} {name}")
    return samples


async def _broadcast(server: Server, options: argparse.Namespace) -> Broadcast:
    count = options.connections
    first, _ = await listen(server.port, 1)
    before = _resident_bytes(server.pid)
    listeners, latencies = await listen(server.port, count)
    await asyncio.sleep(1)
    memory = (_resident_bytes(server.pid) - before) / count
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
    return Broadcast(
        memory,
        1000 * cpu,
        ordered[len(ordered) // 2] / 1e6,
        ordered[math.ceil(len(ordered) * 0.99) - 1] / 1e6,
    )


def _resident_bytes(pid: int) -> int:
    fields = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


def broadcast_table(samples: Mapping[str, list[Broadcast]], connections: int) -> Table:
    """Return the table to print."""
    memories = {name: [one.bytes_per_connection for one in some] for name, some in samples.items()}
    rows = []
    for name, some in samples.items():
        ratio = Figure.ratio(memories[OURS], memories[name])
        rows.append(
            [
                name,
                Figure.of(one.p50_milliseconds for one in some).text(".0f"),
                Figure.of(one.p99_milliseconds for one in some).text(".0f"),
                Figure.of(one.cpu_milliseconds for one in some).text(".0f"),
                Figure.of(value / KIBIBYTE for value in memories[name]).text(".1f"),
                ABSENT if name == OURS else verdict(ratio, at_most=1),
            ]
        )
    title = f"{connections:,} connections, and a message to all of them each second"
    columns = ["Server", "p50 ms", "p99 ms", "CPU ms/broadcast", "KiB/idle connection"]
    return Table(title, [*columns, "our memory / its"], rows)


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
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = options.connections + SPARE_DESCRIPTORS
    if hard != resource.RLIM_INFINITY and hard < wanted:
        sys.exit(f"Cannot measure: a process may open {hard} files, and {wanted} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))  # the servers inherit it
    try:
        tables = [
            echo_table(measure_echoes(options)),
            broadcast_table(measure_broadcasts(options), options.connections),
        ]
    except CannotMeasureError as error:
        sys.exit(f"Cannot measure: {error}")
    server_core, client_core = two_cores()
    under_way = ", ".join(f"{depth} of {size:,} B" for size, depth in SIZES.items())
    print_report(
        tables,
        packages=PACKAGES,
        notes=[
            f"{options.rounds} rounds of {options.seconds:g} s for each kind of message,"
            f" 8 connections, {under_way} under way on each;"
            f" server on core {server_core}, client on core {client_core}"
        ],
        markdown=options.markdown,
    )


if __name__ == "__main__":
    main()
