"""Measure aiopyramid-asgi's connections on uvicorn, compared with a bare ASGI application.

Two tables: CPU time for an echoed WebSocket message, and the memory of thousands of idle
connections, WebSockets and HTTP ones that have been used once. Each server is one worker on one
core, on uvloop and without compression. The bare application calls ``receive`` and ``send`` and
nothing else, so the rest is what the server takes itself.
"""

import argparse
import asyncio
import sys
from typing import Final

import uvloop
from _common.commands import ServerCommand, uvicorn
from _common.load_table import Bar
from _common.report import (
    Figure,
    Presentation,
    Table,
    make_parser,
    placing,
    positive,
    progress,
    report,
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
from idle import connect

OURS: Final = "aiopyramid-asgi"
BARE: Final = "bare ASGI application"
PACKAGES: Final = (
    *("aiopyramid-core", "aiopyramid-asgi", "aiopyramid-websocket", "greenlet", "pyramid"),
    *("uvicorn", "uvloop", "websockets"),
)
WINDOWS: Final = (1, 16)
"""How many messages of 16 bytes are under way on a connection."""

BAR: Final = Bar(1.3)
"""The project's own: our CPU time for an echoed message over that of the bare application."""

KIBIBYTE: Final = 1 << 10


def commands() -> dict[str, ServerCommand]:
    """Return the servers."""
    options = {"ws": "websockets-sansio", "ws-per-message-deflate": "false"}
    # The clients stay idle, and do not answer pings.
    keep = {"timeout-keep-alive": 86400, "ws-ping-interval": 86400}
    return {
        OURS: uvicorn("websocket_applications:aiopyramid_asgi", options | keep),
        BARE: uvicorn("websocket_applications:asgi", options | keep),
    }


def measure_echoes(options: argparse.Namespace) -> list[Sample]:
    """Return CPU microseconds for a message, one sample a round, by window and server."""
    samples: list[Sample] = []
    server_core, client_core = two_cores()
    with starting(commands(), {}, core=server_core) as servers, pinned(client_core):
        for number in range(options.rounds + 1):
            for window in WINDOWS:
                for name, server in servers.items():
                    seconds = options.seconds if number else 0.3
                    cost = _cost_of_echo(server, window, seconds)
                    if number:  # the first one warms up
                        kind = {"round": number, "window": window, "server": name}
                        samples.append({**kind, "cpu_microseconds": cost})
            progress(f"echoes: round {number} of {options.rounds}")
    return samples


def _cost_of_echo(server: Server, window: int, seconds: float) -> float:
    before = server.cpu_seconds()
    echoed = uvloop.run(
        echo_load(server.port, b"x" * 16, text=True, depth=window, connections=8, seconds=seconds)
    )
    return (server.cpu_seconds() - before) / echoed.messages * 1e6


def measure_memory(options: argparse.Namespace) -> list[Sample]:
    """Return KiB for an idle connection, by kind and server, each in a new process."""
    samples: list[Sample] = []
    for name, command in commands().items():
        for kind in ("WebSocket", "HTTP"):
            with running(command, core=two_cores()[0]) as server:
                memory = asyncio.run(_memory_of(server, kind, options.connections)) / KIBIBYTE
            samples.append({"kind": kind, "server": name, "kibibytes": memory})
            progress(f"memory of {kind}: {memory:.1f} KiB  {name}")
    return samples


async def _memory_of(server: Server, kind: str, count: int) -> float:
    async def open_some(some: int) -> list[object]:
        if kind == "HTTP":
            return [*await connect(server.port, some)]
        listeners, _ = await listen(server.port, some)
        return [*listeners]

    first = await open_some(100)
    before = server.resident_bytes()
    connections = await open_some(count)
    await asyncio.sleep(1)
    memory = (server.resident_bytes() - before) / len(connections)
    del first
    return memory


def tables(results: Results) -> list[Table]:
    """Return the tables to print."""
    return [_echo_table(results), _memory_table(results)]


def _echo_table(results: Results) -> Table:
    rows = []
    for window in results.names("window"):
        ours, bare = (
            results.values("cpu_microseconds", window=window, server=each) for each in (OURS, BARE)
        )
        ratio = Figure.ratio(ours, bare)
        costs = [Figure.of(each).text(".1f") for each in (ours, bare)]
        rows.append([str(window), *costs, ratio.text(), BAR.verdicts(ratio)[0]])
    columns = ["Under way", f"{OURS}, CPU us/message", BARE, "our CPU x", "bar"]
    return Table("Echoes of 16 bytes; median (smallest-largest) of the rounds", columns, rows)


def _memory_table(results: Results) -> Table:
    rows = []
    for kind in results.names("kind"):
        ours, bare = (
            results.values("kibibytes", kind=kind, server=each)[0] for each in (OURS, BARE)
        )
        rows.append([kind, f"{ours:.1f}", f"{bare:.1f}", f"{ours - bare:+.1f}"])
    title = "{connections:,} idle connections, KiB for each".format(**results.parameters)
    return Table(title, ["Connections", OURS, BARE, "difference"], rows)


def notes(results: Results) -> list[str]:
    """Return how it was measured."""
    return [
        "{rounds} rounds of {seconds} s; ".format(**results.parameters)
        + placing(results, "the client")
    ]


SHOW: Final = Presentation(PACKAGES, tables, notes)


def main() -> None:
    """Measure and print; leave with a message if that is not possible."""
    parser = make_parser(__doc__, rounds=5)
    parser.add_argument(
        "--seconds", type=float, default=2.0, help="of each measurement (default: %(default)s)"
    )
    parser.add_argument(
        "--connections", type=positive, default=5_000, help="how many (default: %(default)s)"
    )
    options = parser.parse_args()
    try:
        allow_connections(options.connections + 200)
        samples = measure_echoes(options) + measure_memory(options)
    except CannotMeasureError as error:
        sys.exit(f"Cannot measure: {error}")
    report(SHOW, options, samples, **placed())


if __name__ == "__main__":
    main()
