"""A server, honest and harmful clients, and events: a run and its outcome."""

import asyncio
import contextlib
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from chaos_events import STARTED, Database, Events
from chaos_tally import Tally
from honest_clients import HonestClients
from postgres_server import postgres_server
from server_process import Process, ServerProcess
from system_programs import ProgramMissingError
from worker_census import Looks, census

HERE: Final = Path(__file__).parent

LONGEST_SECONDS: Final = 120.0
"""For what has to happen beyond the time that a plan has."""

NEVER_SAID: Final = (
    *("never awaited", "was blocked for", "The heartbeat of", "WORKER TIMEOUT"),
    *("Task exception was never retrieved", "Exception ignored", "Fatal error on transport"),
    *("Exception in callback", "Task was destroyed", "A child process could not close"),
)
"""Log lines that no harm may cause."""


@dataclass(frozen=True)
class Plan:
    """The plan of a run.

    Attributes:
        seed: Of all that is random.
        loop: The worker's event loop, ``uvloop`` or ``asyncio``.
        seconds: How long, at least; until each of the events has happened once.
        quiet_seconds: How long the honest clients are alone before, to compare with.
        rate: Requests a second of honest clients.
        websocket_rate: WebSocket connections a second of honest clients.
        harmful_clients: How many harmful clients at a time.
        harmful_pause_seconds: How long each of them rests between two acts.
        workers: How many workers.
        event_pause_seconds: How long nothing happens to the server between two things that do.
        signals: Whether the server is reloaded and its workers killed. If not, and there is only
            one worker, what it holds is looked at.
        look_seconds: How often.
        say_seconds: How often to tell how far it has come; 0 for never.
    """

    seed: int
    loop: str = "uvloop"
    seconds: float = 6.0
    quiet_seconds: float = 2.0
    rate: float = 50.0
    websocket_rate: float = 5.0
    harmful_clients: int = 3
    harmful_pause_seconds: float = 0.2
    workers: int = 2
    event_pause_seconds: float = 0.2
    signals: bool = True
    look_seconds: float = 60.0
    say_seconds: float = 0.0


@dataclass
class Outcome:
    """The outcome of a run.

    Attributes:
        plan: The plan of the run.
        quiet: The outcome of the requests while the honest clients were alone.
        tally: Their outcome in the chaos.
        seconds: How long that was.
        harmful: How often harmful clients did what.
        harmed: Faults of the server towards one of them.
        events: The number of each kind of event.
        looks: The objects that the worker held, if there was only one.
        said: Lines that the server should not have logged.
        rows: The rows of the database at the end; None without a database.
    """

    plan: Plan
    quiet: Tally = field(default_factory=Tally)
    tally: Tally = field(default_factory=Tally)
    seconds: float = 0.0
    harmful: Counter[str] = field(default_factory=Counter)
    harmed: list[str] = field(default_factory=list)
    events: Counter[str] = field(default_factory=Counter)
    looks: Looks = field(default_factory=Looks)
    said: list[str] = field(default_factory=list)
    rows: list[str] | None = None

    def faults(self) -> list[str]:
        """Return what should not have been."""
        faults = [f"quiet: {each}" for each in self.quiet.failures]
        faults += [*self.tally.failures, *self.harmed, *self.said]
        if self.rows is not None:
            twice = len(self.rows) - len(set(self.rows))
            missing = (self.quiet.written | self.tally.written) - set(self.rows)
            faults += [f"{twice} rows are there twice"] if twice else []
            faults += [f"{len(missing)} rows are missing"] if missing else []
        if len(self.looks.seen) >= 8:
            faults += [
                f"{name} has grown from {before:.0f} to {after:.0f}"
                for name, (before, after) in self.looks.growth().items()
            ]
        return faults


class ChaosServer(ServerProcess):
    """gunicorn with the application of ``site/chaotic.py``."""

    def __init__(self, plan: Plan, hidden: Path, database: Database | None) -> None:
        if plan.loop == "asyncio":
            (hidden / "uvloop.py").write_text("raise ImportError('left out')")
        command = ["gunicorn", "--no-control-socket", "-b", "127.0.0.1:0", "--keep-alive", "30"]
        command += ["-w", str(plan.workers), "-k", "chaotic.Worker", "chaotic:main()"]
        site = HERE.parent / "site"
        environment = {"PYTHONPATH": f"{hidden}:{site}", "MALLOC_ARENA_MAX": "1"}
        if database is not None:
            environment["DATABASE"] = database.url
        super().__init__("gunicorn", command, environment)
        self.said(STARTED, times=plan.workers)

    @property
    def port(self) -> int:
        return int(self.site.rpartition(":")[2])


def run(plan: Plan, say: Callable[[str], None]) -> Outcome:
    """Do what a plan says.

    Args:
        plan: The plan of a run.
        say: Is told now and then how far it has come.
    """
    outcome = Outcome(plan)
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(_database(outcome.tally, say))
        hidden = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = ChaosServer(plan, hidden, database)
        stack.callback(server.close)
        asyncio.run(_Run(outcome, server, database, say).main())
        if database is not None:
            outcome.rows = database.rows()
        server.end()
        outcome.said = [line for line in server.lines if any(each in line for each in NEVER_SAID)]
    return outcome


@contextlib.contextmanager
def _database(tally: Tally, say: Callable[[str], None]) -> Iterator[Database | None]:
    with contextlib.ExitStack() as stack:
        try:
            database = Database(stack.enter_context(postgres_server()), tally)
        except ProgramMissingError as missing:
            say(f"without a database: {missing}")
            database = None
        yield database


class _Run:
    def __init__(
        self,
        outcome: Outcome,
        server: ChaosServer,
        database: Database | None,
        say: Callable[[str], None],
    ) -> None:
        self._outcome = outcome
        self._plan = outcome.plan
        self._server = server
        self._database = database
        self._say = say
        self._dice = random.Random(self._plan.seed)

    async def main(self) -> None:
        plan, outcome = self._plan, self._outcome
        await self._fill_pools()
        await self._honest_while(asyncio.sleep(plan.quiet_seconds), outcome.quiet)
        harmful = self._start_harmful_clients()
        stopping = asyncio.Event()
        events = Events(self._server, plan.workers, outcome.tally, self._dice, self._database)
        outcome.events = events.counts
        began = time.monotonic()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(
                    events.run(stopping, plan.event_pause_seconds, signals=plan.signals)
                )
                looking = [group.create_task(self._tell(events))]
                if plan.workers == 1 and not plan.signals:
                    looking.append(group.create_task(self._look()))
                await self._honest_while(self._until_enough(events), outcome.tally)
                outcome.seconds = time.monotonic() - began
                stopping.set()
                for task in looking:
                    task.cancel()
        finally:
            await asyncio.to_thread(harmful.end)
            harmful.close()
        said = [json.loads(line) for line in harmful.lines if line.startswith("{")]
        assert said, f"the harmful clients said nothing of what they did but:\n{harmful.output}"
        outcome.harmful, outcome.harmed = Counter(said[-1]["done"]), said[-1]["harmed"]

    async def _fill_pools(self) -> None:
        """Make as many greenlets as a worker keeps, where it is to be seen if it makes more."""
        if self._plan.workers == 1:
            await census(self._server.port, "fill_pools?size=300")

    async def _until_enough(self, events: Events) -> None:
        await asyncio.sleep(self._plan.seconds)
        await asyncio.wait_for(events.had_all.wait(), LONGEST_SECONDS)

    async def _honest_while(self, enough: Coroutine[Any, Any, None], tally: Tally) -> None:
        plan = self._plan
        clients = HonestClients(
            self._server.port,
            plan.rate,
            plan.websocket_rate,
            self._dice,
            with_database=self._database is not None,
        )
        running = asyncio.create_task(clients.run(tally))
        try:
            await enough
        finally:
            clients.stopping.set()
            await running

    def _start_harmful_clients(self) -> Process:
        plan = self._plan
        # A process of their own, so that floods do not hold up the honest ones.
        command = [sys.executable, str(HERE / "harmful_clients.py")]
        command += ["--port", str(self._server.port), "--clients", str(plan.harmful_clients)]
        command += ["--pause", str(plan.harmful_pause_seconds), "--seed", str(plan.seed)]
        return Process(command, {})

    async def _tell(self, events: Events) -> None:
        if not self._plan.say_seconds:
            return
        began, tally = time.monotonic(), self._outcome.tally
        while True:
            await asyncio.sleep(self._plan.say_seconds)
            minutes, requests = (time.monotonic() - began) / 60, tally.requests.total()
            self._say(
                f"{minutes:.1f} minutes: {requests} answered ({requests / minutes / 60:.0f} a"
                f" second), {tally.websockets} of them WebSockets,"
                f" {len(tally.failures)} failed, {tally.cut.total()} cut by kills,"
                f" {tally.refused.total()} without database, {events.counts.total()} events"
            )

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(self._plan.look_seconds)
            seen = await census(self._server.port)
            self._outcome.looks.seen.append(seen)
            self._say("worker: " + ", ".join(f"{name} {count}" for name, count in seen.items()))
