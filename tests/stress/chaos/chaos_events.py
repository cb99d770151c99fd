"""Events that happen to the server and to its database.

One thing after the other, each of them waited for; in a random order, in which each has its turn
before any of them comes again.
"""

import asyncio
import contextlib
import os
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Final

import psycopg
from chaos_tally import Tally
from server_process import ServerProcess

AWAY_SECONDS: Final = (0.3, 1.5)
"""How long the database is away, at least and at most."""

STARTED: Final = "^a worker has started$"
"""The log line of a worker that begins to serve."""

DATABASE: Final = "chaos"


class Database:
    """A database of a PostgreSQL server, which comes and goes.

    Args:
        folder: Where the server's socket is.
        tally: Is told when it is away.
    """

    def __init__(self, folder: str, tally: Tally) -> None:
        self._folder = folder
        self._tally = tally
        self._execute("postgres", f"CREATE DATABASE {DATABASE}")
        self._execute(DATABASE, "CREATE TABLE entry (name text)")

    @property
    def url(self) -> str:
        """Its URL, without the driver's name."""
        return f"://postgres@/{DATABASE}?host={self._folder}"

    def rows(self) -> list[str]:
        """Return what honest clients have written, whose marks have a hyphen."""
        query = "SELECT name FROM entry WHERE name LIKE '%-%'"
        return [name for (name,) in self._execute(DATABASE, query)]

    async def lose_connections(self) -> None:
        """All of its processes end, as after a restart."""
        with self._away():
            await asyncio.to_thread(self._end_processes)

    async def go_away(self, seconds: float) -> None:
        """Let nobody connect for a while."""
        with self._away():
            await asyncio.to_thread(
                self._execute, "postgres", f"ALTER DATABASE {DATABASE} ALLOW_CONNECTIONS false"
            )
            await asyncio.to_thread(self._end_processes)
            await asyncio.sleep(seconds)
            await asyncio.to_thread(
                self._execute, "postgres", f"ALTER DATABASE {DATABASE} ALLOW_CONNECTIONS true"
            )

    def _end_processes(self) -> None:
        self._execute(
            "postgres",
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            f" WHERE datname = '{DATABASE}'",
        )

    @contextlib.contextmanager
    def _away(self) -> Iterator[None]:
        away = self._tally.away
        away.append((time.monotonic(), None))
        try:
            yield
        finally:
            away[-1] = (away[-1][0], time.monotonic())

    def _execute(self, database: str, statement: str) -> list[tuple[str]]:
        with psycopg.connect(
            f"host={self._folder} user=postgres dbname={database}", autocommit=True
        ) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []


class Events:
    """Events that happen to a gunicorn, and to its database.

    Args:
        server: The server.
        workers: How many workers it has.
        tally: Is told whom the death of a worker concerns.
        dice: The source of random choices.
        database: The database, if there is one.

    Attributes:
        counts: How often each of them has happened.
        had_all: Set when each of them has happened.
    """

    def __init__(
        self,
        server: ServerProcess,
        workers: int,
        tally: Tally,
        dice: random.Random,
        database: Database | None,
    ) -> None:
        self._server = server
        self._workers = self._started = workers
        self._tally = tally
        self._dice = dice
        self._database = database
        self.counts: Counter[str] = Counter()
        self.had_all = asyncio.Event()

    async def run(self, stopping: asyncio.Event, pause_seconds: float, *, signals: bool) -> None:
        """Have things happen until told to stop.

        Args:
            stopping: Set to stop.
            pause_seconds: How long it is quiet between two of them, on average.
            signals: Whether the server gets any, or only the database comes and goes.
        """
        events: list[Callable[[], Awaitable[None]]] = []
        if signals:
            events += [self.reload, self.kill_worker, self.more_and_less_workers]
        if self._database is not None:
            events += [self._database.lose_connections, self.database_goes_away]
            events += [self.kill_worker_without_database] if signals else []
        deck: list[Callable[[], Awaitable[None]]] = []
        while not stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), self._dice.uniform(0, 2 * pause_seconds))
                return
            deck = deck or self._dice.sample(events, len(events))
            event = deck.pop()
            await event()
            self.counts[event.__name__] += 1
            if len(self.counts) == len(events):
                self.had_all.set()

    async def reload(self) -> None:
        """All workers are replaced; those who leave end their requests."""
        leaving = self.workers()
        self._server.signal(signal.SIGHUP)
        await self._have_started(self._workers)
        await self._until(lambda: not set(leaving) & set(self.workers()))

    async def kill_worker(self) -> None:
        """A worker gets no chance to say anything."""
        await asyncio.to_thread(self._kill, self._dice.choice(self.workers()))
        await self._have_started(1)

    async def kill_worker_without_database(self) -> None:
        """Its successor cannot start before the database is back."""
        assert self._database is not None
        away = asyncio.create_task(self._database.go_away(self._dice.uniform(*AWAY_SECONDS)))
        await asyncio.to_thread(self._kill, self._dice.choice(self.workers()))
        await away
        await self._have_started(1)

    async def more_and_less_workers(self) -> None:
        """One worker more, one worker less."""
        self._server.signal(signal.SIGTTIN)
        await self._have_started(1)
        self._server.signal(signal.SIGTTOU)
        await self._until(lambda: len(self.workers()) == self._workers)

    async def database_goes_away(self) -> None:
        assert self._database is not None
        await self._database.go_away(self._dice.uniform(*AWAY_SECONDS))

    def workers(self) -> list[int]:
        """Return the process ids of the workers."""
        pid = self._server.popen.pid
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    async def _have_started(self, workers: int) -> None:
        """Wait until so many more workers serve: there is always one that does."""
        self._started += workers
        await asyncio.to_thread(self._server.said, STARTED, times=self._started)

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                await asyncio.sleep(0.05)

    def _kill(self, pid: int) -> None:
        """Kill a worker, and note whom it served; it is stopped first, so that it takes no more."""
        os.kill(pid, signal.SIGSTOP)
        deadline = time.monotonic() + 10
        while not re.search(r"^State:\s+T", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE):
            assert time.monotonic() < deadline, f"worker {pid} does not stop"
            time.sleep(0.001)
        for port in _ports_of_peers(pid):
            self._tally.killed[port] = time.monotonic()
        os.kill(pid, signal.SIGKILL)


def _ports_of_peers(pid: int) -> list[int]:
    """Return the ports of the clients with whom a process has connections over IPv4."""
    sockets = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            sockets.add(os.readlink(descriptor))
    ports = []
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if f"socket:[{fields[9]}]" in sockets:
            ports.append(int(fields[2].rpartition(":")[2], 16))
    return ports
