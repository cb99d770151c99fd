"""Take Redis away from groups, in every way: what is lost, and how long it takes afterwards.

Two gunicorns of two workers each have 40 members between them, and 20 messages a second are sent.
After each outage there are counted:

* the messages whose sending was acknowledged, and those that failed with an error;
* acknowledged messages that a member has not got although it was told to resync, and those that it
  has not got without having been told;
* the orders in which members have got the messages that all of them have: one is right;
* messages that a member has got twice, and connections that were closed;
* the seconds from the end of the outage until every member has got a message.

The exit status is not 0 if something was lost without a sign, twice, or in two orders, or if a
connection was closed.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
from _common.report import (
    Presentation,
    Table,
    make_parser,
    positive,
    progress,
    report,
)
from _common.results import Results, Sample

sys.path += [str(Path(__file__).parents[1] / folder) for folder in ("tests/support", "tools")]
from redis_server import RedisServer, redis_sentinel, redis_server
from server_process import ServerProcess
from stalling_proxy import StallingProxy

APPLICATION: Final = Path(__file__).parents[1] / "packages/aiopyramid-groups/tests/served"
PERSISTENT: Final = ("--appendonly", "yes", "--appendfsync", "always")
PACKAGES: Final = ("aiopyramid-core", "aiopyramid-gunicorn", "aiopyramid-groups", "redis")
QUIET_SECONDS: Final = 2.0
"""How long to send before and after an outage."""

Outage = Callable[[RedisServer, float], Any]


# --- Outages --------------------------------------------------------------------------------------


async def kill(server: RedisServer, seconds: float) -> None:
    """Kill Redis, and start it again."""
    await asyncio.to_thread(server.kill)
    await asyncio.sleep(seconds)
    await asyncio.to_thread(server.start)


async def stop(server: RedisServer, seconds: float) -> None:
    """Stop the process, and let it continue."""
    with server.stopped():
        await asyncio.sleep(seconds)


async def kill_connections(server: RedisServer, seconds: float) -> None:
    """Close all connections, again and again."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for kind in ("normal", "pubsub"):
            server.client().execute_command("CLIENT", "KILL", "TYPE", kind)
        await asyncio.sleep(0.5)


async def flush(server: RedisServer, seconds: float) -> None:
    """Delete all data."""
    server.client().flushall()


async def fill(server: RedisServer, seconds: float) -> None:
    """Let Redis be out of memory."""
    server.client().config_set("maxmemory", 1)
    await asyncio.sleep(seconds)
    server.client().config_set("maxmemory", 0)


async def fail_over(server: RedisServer, seconds: float) -> None:
    """Kill the master; a replica takes its place."""
    await asyncio.to_thread(server.kill)


@asynccontextmanager
async def alone(*options: str) -> AsyncIterator[tuple[str, RedisServer]]:
    """Run one Redis."""
    with redis_server(*options) as server:
        yield server.url, server


@asynccontextmanager
async def watched() -> AsyncIterator[tuple[str, RedisServer]]:
    """Run a master with a replica and a sentinel."""
    with redis_sentinel() as (url, master):
        yield url, master


class Stalling:
    """A Redis with a network that may stall."""

    def __init__(self) -> None:
        self._proxy: StallingProxy | None = None

    @asynccontextmanager
    async def server(self) -> AsyncIterator[tuple[str, RedisServer]]:
        """Run a Redis and the network."""
        with redis_server(*PERSISTENT) as server:
            async with StallingProxy(server.port) as self._proxy:
                yield f"redis://127.0.0.1:{self._proxy.port}/0", server

    async def stall(self, server: RedisServer, seconds: float) -> None:
        """Let nothing pass."""
        assert self._proxy is not None
        self._proxy.may_pass.clear()
        await asyncio.sleep(seconds)
        self._proxy.may_pass.set()


def outages() -> dict[str, tuple[Callable[[], Any], Outage]]:
    """Return the outages: Redis, and what happens to it."""
    network = Stalling()
    return {
        "none": (alone, lambda server, seconds: asyncio.sleep(seconds)),
        "SIGKILL, append-only file": (lambda: alone(*PERSISTENT), kill),
        "SIGKILL, no persistence": (alone, kill),
        "SIGSTOP": (alone, stop),
        "failover by Sentinel": (watched, fail_over),
        "CLIENT KILL, all connections": (alone, kill_connections),
        "FLUSHALL": (alone, flush),
        "maxmemory": (alone, fill),
        "a network that stalls": (network.server, network.stall),
    }


# --- Members --------------------------------------------------------------------------------------


@dataclass
class Member:
    """A client that remembers everything it has got.

    Attributes:
        got: The messages, and ``resync``.
        times: When each of them came.
        is_closed: Whether the connection was closed.
    """

    ws: aiohttp.ClientWebSocketResponse
    got: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    is_closed: bool = False

    async def read(self) -> None:
        """Read until the connection is closed."""
        async for message in self.ws:
            self.got.append(message.data)
            self.times.append(time.monotonic())
        self.is_closed = True

    def messages(self) -> list[str]:
        """Return what was sent by others."""
        return [message for message in self.got if message.isdecimal()]


class Sender:
    """Sends messages at a steady rate, whether the earlier ones are answered or not."""

    def __init__(self, session: aiohttp.ClientSession, hosts: list[str], rate: float) -> None:
        self._session = session
        self._hosts = hosts
        self._rate = rate
        self._count = 0
        self.acknowledged: set[str] = set()
        self.failed = 0

    async def run(self, seconds: float) -> None:
        """Send for a while, and wait for the answers."""
        end = time.monotonic() + seconds
        async with asyncio.TaskGroup() as group:
            while time.monotonic() < end:
                group.create_task(self._send())
                await asyncio.sleep(1 / self._rate)

    async def _send(self) -> None:
        self._count += 1
        text = str(self._count)
        site = self._hosts[self._count % len(self._hosts)]
        async with self._session.get(f"{site}/save?text={text}") as response:
            if response.status == 200:
                self.acknowledged.add(text)
            else:
                self.failed += 1


def gunicorn(url: str) -> ServerProcess:
    """Start a gunicorn of two workers."""
    command = ["gunicorn", "groups_app:main()", "--chdir", str(APPLICATION), "--workers", "2"]
    command += ["--bind", "127.0.0.1:0", "--no-control-socket", "--graceful-timeout", "5"]
    command += ["--worker-class", "aiopyramid_gunicorn.worker.AsyncGunicornWorker"]
    return ServerProcess("gunicorn", command, {"GROUPS_URL": url})


# --- Measuring ------------------------------------------------------------------------------------


async def measure(redis: Callable[[], Any], outage: Outage, options: argparse.Namespace) -> Sample:
    """Return what happened in an outage."""
    async with AsyncExitStack() as stack:
        url, server = await stack.enter_async_context(redis())
        gunicorns = [await asyncio.to_thread(gunicorn, url) for _ in range(2)]
        for each in gunicorns:
            stack.push_async_callback(asyncio.to_thread, each.close)
        hosts = [each.site for each in gunicorns]
        session = await stack.enter_async_context(aiohttp.ClientSession())
        members = []
        for number in range(options.members):
            address = f"{hosts[number % 2]}/chat?who={number}"
            ws = await stack.enter_async_context(session.ws_connect(address))
            await ws.receive_str()  # its worker
            members.append(Member(ws))
        readers = [asyncio.create_task(member.read()) for member in members]
        sender = Sender(session, hosts, options.rate)
        sending = asyncio.create_task(sender.run(options.seconds + 3 * QUIET_SECONDS))
        await asyncio.sleep(QUIET_SECONDS)
        await outage(server, options.seconds)
        end = time.monotonic()
        await sending
        await asyncio.sleep(1)
        sample = figures(members, sender, end)
        for reader in readers:
            reader.cancel()
    return sample


def figures(members: list[Member], sender: Sender, end: float) -> Sample:
    """Return the figures of a run."""
    told = silent = twice = 0
    for member in members:
        messages = member.messages()
        twice += len(messages) - len(set(messages))
        missing = len(sender.acknowledged.difference(messages))
        if "resync" in member.got:
            told = max(told, missing)
        else:
            silent += missing
    common = set.intersection(*(set(member.messages()) for member in members))
    orders = {tuple(each for each in member.messages() if each in common) for member in members}
    first = [
        min((at for at in member.times if at > end), default=float("inf")) for member in members
    ]
    return {
        "acknowledged": len(sender.acknowledged),
        "failed": sender.failed,
        "missing_told": told,
        "missing_silently": silent,
        "resyncs": sum("resync" in member.got for member in members),
        "orders": len(orders),
        "twice": twice,
        "closed": sum(member.is_closed for member in members),
        "seconds": max(first) - end,
    }


# --- Showing --------------------------------------------------------------------------------------


COLUMNS: Final = {
    "acknowledged": "acknowledged",
    "failed": "failed",
    "missing_silently": "missing, not told",
    "missing_told": "missing, told to resync (most)",
    "resyncs": "members told",
    "orders": "orders",
    "twice": "twice",
    "closed": "closed",
    "seconds": "s to the first",
}


def tables(results: Results) -> list[Table]:
    """Return the table to print."""

    def worst(name: str, column: str) -> str:
        value = max(results.values(column, outage=name))
        return f"{value:.2f}" if column == "seconds" else f"{value:g}"

    rows = [
        [name, *(worst(name, column) for column in COLUMNS)] for name in results.names("outage")
    ]
    title = "Outages of Redis: {members} members, {rate} messages/s, away for {seconds:g} s".format(
        **results.parameters
    )
    return [Table(title, ["Outage", *COLUMNS.values()], rows)]


SHOW: Final = Presentation(PACKAGES, tables, lambda results: ["2 gunicorns of 2 workers each"])


def main() -> None:
    """Measure and print."""
    parser = make_parser(__doc__, rounds=1)
    parser.add_argument("--members", type=positive, default=40, help="members in all")
    parser.add_argument("--rate", type=positive, default=20, help="messages a second")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long Redis is away")
    parser.add_argument("--only", help="the outages whose names contain this")
    options = parser.parse_args()
    samples: list[Sample] = []
    for number in range(1, options.rounds + 1):
        for name, (redis, outage) in outages().items():
            if options.only is None or options.only in name:
                sample = asyncio.run(measure(redis, outage, options))
                samples.append({"round": number, "outage": name, **sample})
                progress(f"round {number} of {options.rounds}: {samples[-1]}")
    report(SHOW, options, samples)
    harm = ("missing_silently", "twice", "closed")
    if any(each[kind] for each in samples for kind in harm) or any(
        each["orders"] != 1 for each in samples
    ):
        sys.exit("Messages or connections were lost.")


if __name__ == "__main__":
    main()
