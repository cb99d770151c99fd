"""Measure groups of WebSockets and event streams over Redis, and other libraries on the same load.

Each server is one worker on one core, without compression. Redis and the clients share another
core. First one message at a time goes to all clients, and then many messages a second to small
rooms. A message is sent by a client of the room, so that the CPU time of the server includes
receiving it, its way to Redis and back, and its delivery to all clients. At last many clients join
one room of the aiopyramid worker.

Channels, ``channels_redis`` and ``python-socketio`` are installed from the package index into an
environment of their own, ``build/benchmarks/groups``.
"""

import argparse
import asyncio
import math
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import uvloop
from _common.commands import ServerCommand
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
    two_cores,
)
from _common.websocket_client import frame, handshake
from groups_applications import NO_PINGS_SECONDS

sys.path.append(str(Path(__file__).parents[1] / "tests/support"))
from redis_server import redis_server

ENVIRONMENT: Final = Path(__file__).parents[1] / "build/benchmarks/groups"
REQUIREMENTS: Final = (
    *("channels==4.3.2", "channels-redis==4.3.0", "daphne==4.2.3", "hiredis==3.5.0"),
    *("python-socketio==5.18.1", "redis==8.1.0", "uvicorn==0.54.0", "uvloop==0.23.0"),
    *("websockets==17.4", "httptools"),
)

OURS: Final = "aiopyramid-groups"
EVENTS: Final = "aiopyramid-groups, event streams"
BARE: Final = "websockets.broadcast, redis-py"
PUBSUB: Final = "Channels pubsub, uvicorn"
BARS: Final = {("all", PUBSUB): 8.0, ("rooms", PUBSUB): 4.0}
"""The project's own: so many times our CPU time."""

PACKAGES: Final = (
    *("aiopyramid-core", "aiopyramid-gunicorn", "aiopyramid-groups", "aiopyramid-websocket"),
    *("gunicorn", "redis", "uvloop", "websockets"),
)
SECONDS: Final = 120.0
"""The longest wait for deliveries."""

_MARK: Final = re.compile(rb"T(\d+)E")


# --- Servers --------------------------------------------------------------------------------------


def commands(members: int) -> Mapping[str, ServerCommand]:
    """Return the servers, ours first."""
    run = "from gunicorn.app.wsgiapp import run; run()"
    ours = ServerCommand(
        [
            *(sys.executable, "-c", run, "groups_applications:aiopyramid()"),
            *("--worker-class=aiopyramid_gunicorn.worker.AsyncGunicornWorker",),
            *(f"--worker-connections={members + 1000}", "--no-control-socket"),
            *("--bind=127.0.0.1:0", "--keep-alive=75"),
        ],
        forks=True,
    )
    python = str(ENVIRONMENT / "bin/python")
    uvicorn = [
        *(python, "-m", "uvicorn", "--port=0", "--loop=uvloop", "--no-access-log", "--factory"),
        *("--ws=websockets-sansio", "--ws-per-message-deflate=false", "--lifespan=off"),
        f"--ws-ping-interval={NO_PINGS_SECONDS}",
    ]
    daphne = "import sys; from groups_applications import channels_pubsub as make;"
    daphne += " sys.modules['daphne_application'] = sys.modules['groups_applications'];"
    daphne += " sys.modules['groups_applications'].application = make();"
    daphne += " from daphne.cli import CommandLineInterface; CommandLineInterface.entrypoint()"
    return {
        OURS: ours,
        EVENTS: ours,
        BARE: ServerCommand([sys.executable, "-m", "groups_applications"]),
        PUBSUB: ServerCommand([*uvicorn, "groups_applications:channels_pubsub"]),
        "Channels core, uvicorn": ServerCommand([*uvicorn, "groups_applications:channels_core"]),
        "Channels pubsub, daphne": ServerCommand(
            [
                *(python, "-c", daphne, "--port=0", f"--ping-interval={NO_PINGS_SECONDS}"),
                "daphne_application:application",
            ]
        ),
        "python-socketio, uvicorn": ServerCommand([*uvicorn, "groups_applications:socketio"]),
    }


def install() -> None:
    """Make the environment of the other libraries, unless it is there.

    Raises:
        CannotMeasureError: They cannot be installed.
    """
    if ENVIRONMENT.exists():
        return
    python = str(ENVIRONMENT / "bin/python")
    progress(f"installing Channels and python-socketio into {ENVIRONMENT}")
    try:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", ENVIRONMENT], check=True)
        pip = [sys.executable, "-m", "pip", "--quiet", "--python", python, "install"]
        subprocess.run([*pip, *REQUIREMENTS], check=True)
    except subprocess.CalledProcessError as error:
        raise CannotMeasureError(f"{error}") from error


# --- Clients --------------------------------------------------------------------------------------


class Member(asyncio.Protocol):
    """A client that has joined a room, and notes how old the messages are that it gets.

    Args:
        hello: The request.
        took: Called with the nanoseconds of each message.
        packet: Whether it talks to ``python-socketio``.
    """

    def __init__(self, hello: bytes, took: Callable[[int], None], *, packet: bool) -> None:
        self._hello = hello
        self._took = took
        self._packet = packet
        self._rest = b""
        self.joined: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.transport.write(self._hello)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        self._rest += data
        if not self.joined.done():
            self._begin()
            return
        end = 0
        for found in _MARK.finditer(self._rest):
            self._took(now - int(found[1]))
            end = found.end()
        self._rest = self._rest[end:]

    def _begin(self) -> None:
        if self._packet and b'"sid"' in self._rest and b"JOINED" not in self._rest:
            if not self._rest.endswith(b"}"):
                return
            if b"40{" not in self._rest:
                self._rest = b""
                self.transport.write(frame(b"40", text=True))
        elif b"JOINED" in self._rest or (b"200 OK" in self._rest and b":\n\n" in self._rest):
            self._rest = b""
            self.joined.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.joined.done():
            self.joined.set_exception(error or ConnectionResetError(self._rest))

    def say(self) -> None:
        """Send the time to the room."""
        text = f"T{time.monotonic_ns()}E"
        self.transport.write(
            frame((f'42["say","{text}"]' if self._packet else text).encode(), text=True)
        )


class Crowd:
    """Clients in rooms.

    Attributes:
        senders: A client of each room, which sends.
        ages: Nanoseconds from the sending of a message to its arrival at each client.
    """

    def __init__(self, name: str, port: int) -> None:
        self._name = name
        self._port = port
        self._members: list[Member] = []
        self.senders: list[Member] = []
        self.ages: list[int] = []

    async def join(self, members: int, rooms: int) -> None:
        """Have clients join rooms, in turn."""
        events = self._name == EVENTS
        while len(self._members) < members:
            first = len(self._members)
            numbers = range(first, min(first + 50, members))
            self._members += await asyncio.gather(
                *(self._open(f"r{number % rooms}", events=events) for number in numbers)
            )
        self.senders = (
            [await self._open(f"r{room}", took=lambda age: None) for room in range(rooms)]
            if events
            else self._members[:rooms]
        )

    async def _open(
        self, room: str, *, events: bool = False, took: Callable[[int], None] | None = None
    ) -> Member:
        host, is_packet = f"127.0.0.1:{self._port}", "socketio" in self._name
        path = "/socket.io/?EIO=4&transport=websocket&" if is_packet else "/room?"
        hello = handshake(host, f"{path}room={room}")
        if events:
            hello = f"GET /feed?room={room} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
        _, member = await asyncio.get_running_loop().create_connection(
            lambda: Member(hello, took or self.ages.append, packet=is_packet),
            "127.0.0.1",
            self._port,
        )
        await member.joined
        return member

    async def took(self, count: int) -> None:
        """Wait until so many messages have arrived in all."""
        async with asyncio.timeout(SECONDS):
            while len(self.ages) < count:
                await asyncio.sleep(0.002)

    def leave(self) -> None:
        """Disconnect all clients."""
        for member in (*self._members, *self.senders):
            member.transport.abort()


# --- Measuring ------------------------------------------------------------------------------------


async def to_all(name: str, server: Server, members: int, messages: int) -> Sample:
    """Send one message at a time to everybody."""
    crowd = Crowd(name, server.port)
    before = server.resident_bytes()
    await crowd.join(members, 1)
    memory = server.resident_bytes() - before
    crowd.senders[0].say()
    await crowd.took(members)  # the first one warms up
    crowd.ages.clear()
    cpu = server.worker_cpu_seconds()
    for number in range(1, messages + 1):
        crowd.senders[0].say()
        await crowd.took(number * members)
        await asyncio.sleep(0.02)
    cpu = server.worker_cpu_seconds() - cpu
    crowd.leave()
    return figures(crowd, cpu) | {"kibibytes_per_member": memory / members / 1024}


async def to_rooms(name: str, server: Server, options: argparse.Namespace) -> Sample:
    """Send many messages a second, each to one of many rooms."""
    crowd = Crowd(name, server.port)
    rooms = options.members // options.room
    await crowd.join(options.members, rooms)
    messages = int(options.rate * options.seconds)
    await asyncio.sleep(1)  # until all subscriptions are confirmed
    cpu, begin = server.worker_cpu_seconds(), time.monotonic()
    for number in range(messages):
        await asyncio.sleep(max(0.0, begin + number / options.rate - time.monotonic()))
        crowd.senders[number % rooms].say()
    await crowd.took(messages * options.room)
    cpu = server.worker_cpu_seconds() - cpu
    crowd.leave()
    return figures(crowd, cpu)


def figures(crowd: Crowd, cpu_seconds: float) -> Sample:
    """Return the figures of all deliveries."""
    ages = sorted(crowd.ages)
    return {
        "cpu_microseconds": cpu_seconds / len(ages) * 1e6,
        "p50_milliseconds": ages[len(ages) // 2] / 1e6,
        "p99_milliseconds": ages[math.ceil(len(ages) * 0.99) - 1] / 1e6,
    }


def measure(options: argparse.Namespace, left_out: dict[str, str]) -> list[Sample]:
    """Return the samples of each server, with a new process for each round and load."""
    samples: list[Sample] = []
    for number in range(1, options.rounds + 1):
        for name, command in commands(options.members).items():
            for load in ("all", "rooms"):
                if not (name == OURS or options.only in name):
                    continue

                async def run(server: Server, name: str = name, load: str = load) -> Sample:
                    if load == "all":
                        return await to_all(name, server, options.members, options.messages)
                    return await to_rooms(name, server, options)

                try:
                    sample = measured(command, run)
                except (CannotMeasureError, OSError, RuntimeError) as error:
                    if name == OURS:
                        raise
                    progress(f"{name} has failed: {error!r}")
                    left_out[f"{name} ({load}, round {number})"] = repr(error)
                    continue
                samples.append({"round": number, "server": name, "load": load, **sample})
                progress(f"round {number} of {options.rounds}: {samples[-1]}")

        async def crowded(server: Server) -> Sample:
            return await to_all(OURS, server, options.crowd, options.messages)

        sample = measured(commands(options.crowd)[OURS], crowded)
        samples.append({"round": number, "server": OURS, "load": "crowd", **sample})
        progress(f"round {number} of {options.rounds}: {samples[-1]}")
    return samples


def measured(command: ServerCommand, run: Callable[[Server], Any]) -> Sample:
    """Start a server, and return what was measured on it."""
    server_core, client_core = two_cores()
    with running(command, core=server_core) as server, pinned(client_core):
        sample: Sample = uvloop.run(run(server))
    return sample


# --- Showing --------------------------------------------------------------------------------------


def tables(results: Results) -> list[Table]:
    """Return the tables to print."""
    parameters = results.parameters
    titles = {
        "all": f"One message at a time to {parameters['members']:,} members",
        "rooms": f"{parameters['rate']} messages a second to rooms of {parameters['room']}",
        "crowd": f"One message at a time to {parameters['crowd']:,} members of one worker",
    }
    return [table(results, load, title) for load, title in titles.items() if rows(results, load)]


def table(results: Results, load: str, title: str) -> Table:
    """Return the table of one load."""
    columns = ["Server", "CPU us/delivery", "x ours", "bar", "p50 ms", "p99 ms", "our p99 x", "bar"]
    if load != "rooms":
        columns.append("KiB/member")
    return Table(f"{title}; median (smallest-largest)", columns, rows(results, load))


def rows(results: Results, load: str) -> list[list[str]]:
    """Return the rows of one load."""
    found = []
    for name in results.names("server", load=load):

        def values(field: str, server: str = name) -> list[float]:
            return results.values(field, server=server, load=load)

        cost = ratio(results, load, "cpu_microseconds", name, OURS)
        late = ratio(results, load, "p99_milliseconds", OURS, name)
        row = [
            *(name, Figure.of(values("cpu_microseconds")).text(".2f"), cost.text()),
            bar_of(results, load, name, cost),
            *(Figure.of(values(f"{p}_milliseconds")).text(".1f") for p in ("p50", "p99")),
            late.text(),
            verdict(late, at_most=0.3) if name.startswith("Channels") else ABSENT,
        ]
        if load != "rooms":
            row.append(Figure.of(values("kibibytes_per_member")).text(".1f"))
        found.append(row)
    return found


def ratio(results: Results, load: str, field: str, name: str, other: str) -> Figure:
    """Return the ratio of two servers in the rounds in which neither has failed."""
    of_both = [
        dict(
            zip(
                results.values("round", server=each, load=load),
                results.values(field, server=each, load=load),
                strict=True,
            )
        )
        for each in (name, other)
    ]
    rounds = of_both[0].keys() & of_both[1].keys()
    return Figure.ratio(*([each[number] for number in sorted(rounds)] for each in of_both))


def bar_of(results: Results, load: str, name: str, cost: Figure) -> str:
    """Return the bar of a server's CPU time, and whether it is met."""
    if (load, name) in BARS:
        return verdict(cost, at_least=BARS[load, name])
    if name == EVENTS:
        return verdict(cost, at_most=2)
    if name == BARE:
        of_ours = ratio(results, load, "cpu_microseconds", OURS, BARE)
        return verdict(of_ours, at_most=1.1) + " of ours / its"
    return ABSENT


def notes(results: Results) -> list[str]:
    """Return how it was measured."""
    return [
        "{rounds} rounds; {messages} messages to all, {seconds:g} s of messages to rooms; ".format(
            **results.parameters
        )
        + placing(results, "Redis and clients")
    ]


SHOW: Final = Presentation(PACKAGES, tables, notes)


def main() -> None:
    """Measure and print; leave with a message if that is not possible."""
    parser = make_parser(__doc__, rounds=3)
    for name, default, text in (
        ("members", 2000, "clients"),
        ("messages", 40, "messages to all clients in a round"),
        ("room", 20, "clients of a small room"),
        ("rate", 200, "messages a second to small rooms"),
        ("crowd", 9000, "clients of one room in the last measurement"),
    ):
        parser.add_argument(
            f"--{name}", type=positive, default=default, help=f"{text} (default: %(default)s)"
        )
    parser.add_argument(
        "--seconds", type=float, default=5.0, help="how long to send to small rooms in a round"
    )
    parser.add_argument(
        "--only", default="", help="measure ours and those whose names contain this"
    )
    options = parser.parse_args()
    left_out: dict[str, str] = {}
    try:
        allow_connections(max(options.members, options.crowd) + 1000)
        install()
        with pinned(two_cores()[1]), redis_server() as redis:
            os.environ["GROUPS_REDIS"] = redis.url
            samples = measure(options, left_out)
    except CannotMeasureError as error:
        sys.exit(f"Cannot measure: {error}")
    report(SHOW, options, samples, left_out=left_out, **placed())


if __name__ == "__main__":
    main()
