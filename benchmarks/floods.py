"""Measure how long a client waits for "Hello, world" while five others flood the worker.

Each flood is of a kind of which a megabyte takes the longest to parse: chunks of one byte, chunk
extensions, pipelined requests, WebSocket pings, pongs and messages of one byte. Processes of their
own send it, 10 MB/s in all or as much as the worker reads. In the meantime a request is sent over
an open connection every few milliseconds.

The worker is pinned to one processor core, all clients to another one. A latency runs from before
the request is sent to the last byte of the answer.
"""

import contextlib
import math
import multiprocessing
import select
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from _common import HELLO
from _common.commands import gunicorn
from _common.report import (
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
from _common.websocket_client import frame, handshake

BAR_SECONDS: Final = 0.1
"""The project's own: the 99th percentile of the latencies."""

CLIENTS: Final = 5
PAUSE_SECONDS: Final = 0.005
PIECE_BYTES: Final = 64 << 10
SECONDS: Final = 30.0
OURS: Final = "AsyncGunicornWorker"
NOTHING: Final = "nothing"
GET: Final = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
UPLOAD: Final = b"POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

PACKAGES: Final = (
    *("aiopyramid-core", "aiopyramid-gunicorn", "aiopyramid-websocket", "greenlet", "pyramid"),
    *("gunicorn", "httptools", "uvloop", "websockets"),
)


@dataclass(frozen=True)
class Flood:
    """What a client sends: a head, then the same bytes over and over."""

    head: bytes
    unit: bytes


MASK: Final = bytes(4)
DISCARD: Final = handshake("localhost", "/discard")
FLOODS: Final[Mapping[str, Flood]] = {
    "chunks of one byte": Flood(UPLOAD, b"1\r\nx\r\n"),
    "chunk extensions": Flood(UPLOAD, b"1;a\r\nx\r\n"),
    "pipelined requests": Flood(b"", b"GET / HTTP/1.1\r\nHost:a\r\n\r\n"),
    "pings": Flood(DISCARD, b"\x89\x80" + MASK),
    "pongs": Flood(DISCARD, b"\x8a\x80" + MASK),
    "messages of one byte": Flood(DISCARD, frame(b"x", text=True)),
}


def send(port: int, flood: Flood, bytes_per_second: float) -> None:
    """Flood a worker over one connection after the other, until this process is ended."""
    piece = flood.unit * (PIECE_BYTES // len(flood.unit))
    begin, sent = time.monotonic(), 0
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(flood.head)
            left = piece
            client.settimeout(0.05)
            while True:
                with contextlib.suppress(TimeoutError):
                    count = client.send(left)
                    sent += count
                    left = left[count:] or piece
                # Not MSG_DONTWAIT: a socket with a time limit waits for data all the same.
                if select.select([client], [], [], 0)[0] and not client.recv(1 << 20):
                    break
                if bytes_per_second:
                    time.sleep(max(0.0, begin + sent / bytes_per_second - time.monotonic()))


@contextlib.contextmanager
def flooding(server: Server, flood: Flood | None, bytes_per_second: float) -> Iterator[None]:
    """Have five clients flood a worker."""
    arguments = server.port, flood, bytes_per_second / CLIENTS
    clients = [
        multiprocessing.Process(target=send, args=arguments, daemon=True)
        for _ in range(CLIENTS if flood is not None else 0)
    ]
    for client in clients:
        client.start()
    try:
        yield
    finally:
        for client in clients:
            client.kill()
        for client in clients:
            client.join()


def latencies(server: Server, count: int) -> list[float]:
    """Ask for an answer so many times, over one connection."""
    seconds = []
    with socket.create_connection(("127.0.0.1", server.port), SECONDS) as client:
        for _ in range(count):
            begin = time.perf_counter()
            client.sendall(GET)
            answer = b""
            while not answer.endswith(HELLO):
                part = client.recv(1 << 16)
                if not part:
                    raise CannotMeasureError(f"the worker has closed a connection after {answer!r}")
                answer += part
            seconds.append(time.perf_counter() - begin)
            time.sleep(PAUSE_SECONDS)
    return seconds


def measure(server: Server, rounds: int, count: int, bytes_per_second: float) -> list[Sample]:
    """Return the latencies during each flood, one sample a round."""
    samples: list[Sample] = []
    for number in range(1, rounds + 1):
        for name, flood in {NOTHING: None, **FLOODS}.items():
            progress(f"round {number} of {rounds}  {name}")
            with flooding(server, flood, bytes_per_second):
                time.sleep(1.0)  # until all of them flood
                seconds = latencies(server, count)
            samples.append({"round": number, "flood": name, "seconds": seconds})
    return samples


def tables(results: Results) -> list[Table]:
    """Return the table to print, times in milliseconds."""
    rate = results.parameters["megabytes"]
    title = "Milliseconds to an answer while five clients send " + (
        f"{rate:g} MB/s in all" if rate else "as much as the worker reads"
    )
    columns = ["five clients send", "answers", "median", "p99", "most", "bar for p99 (seconds)"]
    return [Table(title, columns, [row(results, name) for name in results.names("flood")])]


def row(results: Results, name: str) -> list[str]:
    """Return a row of the table."""
    ordered = sorted(
        second for some in results.samples if some["flood"] == name for second in some["seconds"]
    )
    p99 = ordered[math.ceil(len(ordered) * 0.99) - 1]
    shown = Figure.of(ordered).median, p99, ordered[-1]
    return [
        name,
        f"{len(ordered):,}",
        *(f"{1000 * seconds:,.1f}" for seconds in shown),
        verdict(Figure.of([p99]), at_most=BAR_SECONDS),
    ]


def notes(results: Results) -> list[str]:
    """Return how it was measured."""
    return ["{rounds} rounds; ".format(**results.parameters) + placing(results)]


SHOW: Final = Presentation(PACKAGES, tables, notes)


def main() -> None:
    """Measure and print; leave with a message if that is not possible."""
    parser = make_parser(__doc__, rounds=3)
    parser.add_argument(
        "--megabytes",
        type=float,
        default=10.0,
        help="sent a second by all five; 0 for as much as the worker reads (default: %(default)s)",
    )
    parser.add_argument(
        "--answers",
        type=positive,
        default=200,
        help="how many answers to measure in a round, for each flood (default: %(default)s)",
    )
    options = parser.parse_args()
    commands = {OURS: gunicorn("receiving", "aiopyramid_gunicorn.AsyncGunicornWorker")}
    server_core, client_core = two_cores()
    left_out: dict[str, str] = {}
    try:
        with starting(commands, left_out, core=server_core) as servers, pinned(client_core):
            if left_out:
                raise CannotMeasureError(f"the worker does not start: {left_out[OURS]}")
            rate = options.megabytes * 1e6
            samples = measure(servers[OURS], options.rounds, options.answers, rate)
    except (CannotMeasureError, OSError) as error:
        sys.exit(f"Cannot measure: {error}")
    report(SHOW, options, samples, **placed())


if __name__ == "__main__":
    main()
