"""Measure the gunicorn worker of this checkout against another one: CPU time to receive a megabyte.

Large uploads, with a length and in chunks, and large WebSocket messages. One client sends as fast
as the worker reads. The workers are pinned to one processor core, the client to another one. As in
``against_checkout.py``, they are started several times and measured in turn, beside a second
process of this checkout's worker.

"throughput" is how much more this checkout receives in the same CPU time, and "against itself" the
same of its second process and its first: as in ``against_checkout.py``, geometric means over the
starts, with their 95 % intervals.
"""

import socket
import sys
from collections.abc import Callable, Mapping
from typing import Final

from _common import HELLO
from _common.report import (
    Figure,
    Presentation,
    Table,
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
    pinned,
    placed,
    two_cores,
)
from _common.websocket_client import frame
from against_checkout import (
    AGAIN,
    OTHER,
    OURS,
    PACKAGES,
    candidates,
    in_each_order,
    make_checkout_parser,
    measured,
    over_starts,
)

KIBIBYTE: Final = 1 << 10
MEBIBYTE: Final = 1 << 20
BAR: Final = 0.97
"""The project's own: so much of the other checkout's throughput at least."""

SECONDS: Final = 60.0
HANDSHAKE: Final = (
    b"GET /discard HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def connect(server: Server) -> socket.socket:
    """Return a connection to a server."""
    return socket.create_connection(("127.0.0.1", server.port), SECONDS)


def receive(client: socket.socket, end: bytes) -> bytes:
    """Return what a server sends, up to ``end``."""
    data = b""
    while not data.endswith(end):
        part = client.recv(64 * KIBIBYTE)
        if not part:
            raise CannotMeasureError(f"the server has closed the connection after {data[-200:]!r}")
        data += part
    return data


def upload(server: Server, head: bytes, piece: bytes, times: int, end: bytes = b"") -> None:
    """Upload so many pieces."""
    with connect(server) as client:
        client.sendall(b"POST /upload HTTP/1.1\r\nHost: 127.0.0.1\r\n" + head + b"\r\n\r\n")
        for _ in range(times):
            client.sendall(piece)
        client.sendall(end)
        receive(client, HELLO)


def upload_with_length(server: Server, size: int, total: int) -> None:
    """Upload a body whose length is announced, in pieces of a size."""
    head = f"Content-Length: {total}".encode()
    upload(server, head, bytes(size), total // size)


def upload_in_chunks(server: Server, size: int, total: int) -> None:
    """Upload a body in chunks of a size."""
    chunk = f"{size:x}\r\n".encode() + bytes(size) + b"\r\n"
    upload(server, b"Transfer-Encoding: chunked", chunk, total // size, b"0\r\n\r\n")


def send_messages(server: Server, size: int, total: int) -> None:
    """Send binary messages of a size; a text ends them."""
    message = frame(bytes(size), text=False)
    with connect(server) as client:
        client.sendall(HANDSHAKE)
        receive(client, b"\r\n\r\n")
        for _ in range(total // size):
            client.sendall(message)
        client.sendall(frame(b"done", text=True))
        receive(client, HELLO)


LOADS: Final[Mapping[str, tuple[Callable[[Server, int, int], None], int]]] = {
    "upload with a length": (upload_with_length, 64 * KIBIBYTE),
    "upload in chunks of 64 KiB": (upload_in_chunks, 64 * KIBIBYTE),
    "upload in chunks of 8 KiB": (upload_in_chunks, 8 * KIBIBYTE),
    "messages of 64 KiB": (send_messages, 64 * KIBIBYTE),
    "messages of 1 MiB": (send_messages, MEBIBYTE),
}
"""How to send, and in pieces of which size."""


def measure(servers: Mapping[str, Server], rounds: int, total: int) -> list[Sample]:
    """Return the CPU time of each worker for a megabyte, one sample a round and load.

    Raises:
        CannotMeasureError: A server did not answer.
    """
    samples: list[Sample] = []
    with pinned(two_cores()[1]):
        for number in range(rounds + 1):
            progress(f"round {number} of {rounds}" if number else "warming up")
            for load, (send, size) in LOADS.items():
                for name, server in in_each_order(servers, number):
                    before = server.worker_cpu_seconds()
                    send(server, size, total)
                    cost = (server.worker_cpu_seconds() - before) / total * 1e6
                    if number:
                        what = {"round": number, "load": load, "server": name}
                        samples.append({**what, "cpu_microseconds": cost * 1e6})
    return samples


def tables(results: Results) -> list[Table]:
    """Return the table to print."""
    columns = ["Load", OURS, OTHER, "throughput", "bar", "against itself"]
    return [
        Table(
            "CPU us/MB: median (smallest-largest); ratios: mean (95 % interval)",
            columns,
            [row(results, load) for load in LOADS],
        )
    ]


def row(results: Results, load: str) -> list[str]:
    """Return a row of the table."""
    ours, other = (
        results.values("cpu_microseconds", load=load, server=name) for name in (OURS, OTHER)
    )
    ratio = over_starts(results, [OTHER], [OURS, AGAIN], load=load)
    return [
        load,
        Figure.of(ours).text(".0f"),
        Figure.of(other).text(".0f"),
        ratio.text(".3f"),
        verdict(ratio, at_least=BAR),
        over_starts(results, [AGAIN], [OURS], load=load).text(".3f"),
    ]


def notes(results: Results) -> list[str]:
    """Return how it was measured."""
    return [
        "{starts} starts, {rounds} rounds of {mebibytes} MiB each, one connection; ".format(
            **results.parameters
        )
        + placing(results)
    ]


SHOW: Final = Presentation((*PACKAGES, "aiopyramid-websocket", "websockets"), tables, notes)


def main() -> None:
    """Measure and print; leave with a message if that is not possible."""
    parser = make_checkout_parser(__doc__, rounds=6)
    parser.add_argument(
        "--mebibytes",
        type=positive,
        default=64,
        help="how much to send in a round, of each load (default: %(default)s)",
    )
    options = parser.parse_args()
    try:
        samples = measured(
            candidates("receiving", options.checkout.resolve()),
            options.starts,
            lambda servers: measure(servers, options.rounds, options.mebibytes * MEBIBYTE),
        )
    except (CannotMeasureError, OSError) as error:
        sys.exit(f"Cannot measure: {error}")
    options.checkout = str(options.checkout)
    report(SHOW, options, samples, **placed())


if __name__ == "__main__":
    main()
