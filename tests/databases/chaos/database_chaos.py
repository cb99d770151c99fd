"""Clients that write while the database fails: each transaction is written as a whole, or not.

While many clients write, connections of the database are terminated, the database is stopped and
started again (also as in a crash), the pool is exhausted, and some of the clients leave in the
middle. Afterwards each row of a request that was answered with 200 is there, no row is there that
no client has written, no transaction is open, and all connections of the pool can be used. ::

    python tests/databases/chaos/database_chaos.py --requests 10000

The exit status is 1 if one of these is not so.
"""

import argparse
import asyncio
import collections
import dataclasses
import json
import os
import random
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import aiohttp
import asyncpg

sys.path.append(str(Path(__file__).parents[2] / "support"))
from postgres_server import postgres_server, stopped
from server_process import PATIENCE_SECONDS, ServerProcess

POOL_SIZE: Final = 10
POOL_TIMEOUT_SECONDS: Final = 1
OUTAGE_SECONDS: Final = 0.2
PATHS: Final = ("/add", "/add_in_thread", "/add_in_block")
SITE: Final = Path(__file__).parents[1] / "site"


@dataclasses.dataclass(frozen=True)
class Plan:
    """The parameters of a run.

    Attributes:
        requests: How many requests write, at least; each kind of event happens in any case.
        clients: How many clients write at a time.
        pause_seconds: The time between two events.
        seed: The seed of the random choices.
        includes_tm: Whether the application includes pyramid_tm.
        share_cancelled: The share of the requests whose clients leave before the answer.
    """

    requests: int
    seed: int
    clients: int = 30
    pause_seconds: float = 0.3
    includes_tm: bool = True
    share_cancelled: float = 0.2


@dataclasses.dataclass
class Outcome:
    """The results of a run.

    Attributes:
        seconds: How long it took.
        statuses: The answer to each request, by the name that it wrote: a status, or "left".
        events: How often each event has happened.
        pages: The rows of each name afterwards: "one" if both were written.
        states: The states of the connections of the application afterwards.
        prepared: The number of prepared transactions afterwards.
        checked_out: The number of connections that the pool does not have afterwards.
        usable: How many connections could be used at the same time afterwards.
        output: The output of the server.
    """

    seconds: float = 0.0
    statuses: dict[str, int | str] = dataclasses.field(default_factory=dict)
    events: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    pages: dict[str, Any] = dataclasses.field(default_factory=dict)
    states: list[str] = dataclasses.field(default_factory=list)
    prepared: int = 0
    checked_out: int = 0
    usable: int = 0
    output: str = ""

    @property
    def counts(self) -> dict[str, int]:
        """How many requests there were of each kind."""
        counts = collections.Counter(str(status) for status in self.statuses.values())
        counts["found"] = len(self.pages)
        for status, key in ((503, "refused, and yet written"), ("left", "left, and yet written")):
            counts[key] = sum(self.statuses.get(name) == status for name in self.pages)
        return dict(counts)

    def faults(self) -> list[str]:
        """Return the promises that were not kept."""
        answered = {name for name, status in self.statuses.items() if status == 200}
        # A commit during which the connection is lost has happened or not; no one can know.
        uncertain = POOL_SIZE * sum(
            self.events[event.__name__] for event in (kill_backends, stop_fast, crash)
        )
        checks = {
            "answered with 200, and missing": len(answered - set(self.pages)),
            "there, and never written": len(set(self.pages) - set(self.statuses)),
            "written in part": sum(page != "one" for page in self.pages.values()),
            "refused, and there": max(0, self.counts["refused, and yet written"] - uncertain),
            "neither answered nor refused": sum(
                status not in (200, 503, "left") for status in self.statuses.values()
            ),
            "open transactions": sum(state != "idle" for state in self.states) + self.prepared,
            "not returned to the pool": self.checked_out,
            "lost from the pool": POOL_SIZE - self.usable,
            "events that never happened": sum(not self.events[e.__name__] for e in EVENTS),
            "complaints": sum(
                self.output.count(complaint) for complaint in ("never awaited", "non-checked-in")
            ),
        }
        return [f"{what}: {number}" for what, number in checks.items() if number]


class Run:
    """A run of the plan, in progress.

    Args:
        plan: The plan.
        site: The address of the server.
        folder: The folder of the database server.
        session: A client.
    """

    def __init__(self, plan: Plan, site: str, folder: str, session: aiohttp.ClientSession) -> None:
        self.plan = plan
        self.folder = folder
        self.outcome = Outcome()
        self.dice = random.Random(plan.seed)
        self._site = site
        self._session = session

    async def get(self, path: str) -> tuple[int, Any]:
        """Return the status and the JSON of an answer."""
        async with self._session.get(self._site + path) as response:
            text = await response.text()
            return response.status, json.loads(text) if response.status == 200 else text

    async def connect(self) -> asyncpg.Connection:
        """Return a connection to the application's database, which is not in its pool."""
        return await asyncpg.connect(host=self.folder, user="postgres", database="postgres")

    @property
    def is_over(self) -> bool:
        """Whether there were enough requests, and each kind of event."""
        return len(self.outcome.statuses) >= self.plan.requests and all(
            self.outcome.events[event.__name__] for event in EVENTS
        )

    async def write(self, number: int) -> None:
        """Write, one request after the other, as one client."""
        count = 0
        while not self.is_over:
            count += 1
            name = f"{number}-{count}"
            self.outcome.statuses[name] = "left"
            asking = asyncio.ensure_future(self._ask(name))
            if self.dice.random() < self.plan.share_cancelled:
                await asyncio.sleep(self.dice.random() * 0.03)
                asking.cancel()
            await asyncio.wait((asking,))
            if not asking.cancelled():
                asking.result()

    async def _ask(self, name: str) -> None:
        status, _ = await self.get(f"{self.dice.choice(PATHS)}?name={name}")
        self.outcome.statuses[name] = status

    async def cause_events(self) -> None:
        """Cause one event after the other."""
        while not self.is_over:
            for event in EVENTS:
                await asyncio.sleep(self.plan.pause_seconds)
                await event(self)
                self.outcome.events[event.__name__] += 1

    async def look(self) -> None:
        """Record the state afterwards."""
        outcome = self.outcome
        connection = await self.connect()

        async def states() -> list[tuple[str, str | None]]:
            rows = await connection.fetch(
                "SELECT state, wait_event_type FROM pg_stat_activity WHERE pid != pg_backend_pid()"
                " AND datname = current_database() AND backend_type = 'client backend'"
            )
            return [(row["state"], row["wait_event_type"]) for row in rows]

        async def all_is_returned() -> bool:
            _, pool = await self.get("/ping")
            outcome.checked_out = pool["checked_out"]
            outcome.states = [state for state, _ in await states()]
            return outcome.checked_out == 0 and set(outcome.states) <= {"idle"}

        async def all_are_used() -> bool:
            outcome.usable = (await states()).count(("active", "Lock"))
            return outcome.usable == POOL_SIZE

        await _until(all_is_returned)
        outcome.prepared = await connection.fetchval("SELECT count(*) FROM pg_prepared_xacts")
        await connection.execute("SELECT pg_advisory_lock(1)")
        waiting = [asyncio.ensure_future(self.get("/wait_for_lock")) for _ in range(POOL_SIZE)]
        await _until(all_are_used)
        await connection.execute("SELECT pg_advisory_unlock(1)")
        await asyncio.gather(*waiting)
        _, answer = await self.get("/names")
        outcome.pages = answer["names"]
        await _until(all_is_returned)
        await connection.close()


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for a condition, for a limited time."""
    deadline = time.monotonic() + PATIENCE_SECONDS / 2
    while not await condition() and time.monotonic() < deadline:
        await asyncio.sleep(0.01)


# --- Events ---------------------------------------------------------------------------------------


async def kill_backends(run: Run) -> None:
    """Terminate all connections of the application."""
    connection = await run.connect()
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid != pg_backend_pid()"
    )
    await connection.close()


async def exhaust_pool(run: Run) -> None:
    """Use all connections for longer than others wait for one."""
    seconds = POOL_TIMEOUT_SECONDS * 1.3
    await asyncio.gather(*(run.get(f"/hold?seconds={seconds}") for _ in range(2 * POOL_SIZE)))


async def stop_fast(run: Run) -> None:
    """Restart the database, which rolls back what is open."""
    await asyncio.to_thread(_restart, run.folder, "fast")


async def crash(run: Run) -> None:
    """Restart the database after a crash, from which it recovers."""
    await asyncio.to_thread(_restart, run.folder, "immediate")


def _restart(folder: str, mode: Any) -> None:
    with stopped(folder, mode):
        time.sleep(OUTAGE_SECONDS)


EVENTS: Final = (kill_backends, exhaust_pool, stop_fast, kill_backends, crash)


# --- All of it ------------------------------------------------------------------------------------


def run(plan: Plan) -> Outcome:
    """Carry a plan out, with servers of its own.

    Args:
        plan: The plan.
    """
    with postgres_server() as folder:
        settings = {
            "sqlalchemy.url": f"postgresql+asyncpg://postgres@/postgres?host={folder}",
            "sqlalchemy.pool_size": str(POOL_SIZE),
            "sqlalchemy.max_overflow": "0",
            "sqlalchemy.pool_timeout": str(POOL_TIMEOUT_SECONDS),
            "sqlalchemy.pool_pre_ping": "true",
            "tm.manager_hook": "pyramid_tm.explicit_manager" if plan.includes_tm else "",
            "aiopyramid.cancel_on_disconnect": "true",
        }
        command = [
            "gunicorn",
            "--no-control-socket",
            "-b",
            "127.0.0.1:0",
            "shop.application:main()",
        ]
        server = ServerProcess(
            "gunicorn",
            [*command, "-k", "aiopyramid_gunicorn.worker.AsyncGunicornWorker"],
            {
                "PYTHONPATH": f"{SITE}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
                "SETTINGS": json.dumps(settings),
            },
        )
        try:
            outcome = asyncio.run(_run(plan, server.site, folder))
            server.end()
        except BaseException:
            print(server.output[-3000:], file=sys.stderr)
            raise
        finally:
            server.close()
        outcome.output = server.output
        return outcome


async def _run(plan: Plan, site: str, folder: str) -> Outcome:
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(PATIENCE_SECONDS)
    ) as session:
        run = Run(plan, site, folder, session)
        start = time.monotonic()
        async with asyncio.TaskGroup() as group:
            group.create_task(run.cause_events())
            for number in range(plan.clients):
                group.create_task(run.write(number))
        run.outcome.seconds = time.monotonic() - start
        await run.look()
        return run.outcome


def main() -> None:
    """Run it, and print the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between two events")
    parser.add_argument("--without-tm", action="store_true", help="without pyramid_tm")
    options = parser.parse_args()
    print(f"--seed {options.seed}", flush=True)
    plan = Plan(
        options.requests,
        options.seed,
        pause_seconds=options.pause,
        includes_tm=not options.without_tm,
    )
    outcome = run(plan)
    print(f"{len(outcome.statuses):,} requests in {outcome.seconds:.0f} s")
    print("events:", dict(outcome.events))
    print("requests:", outcome.counts)
    print("connections afterwards:", dict(collections.Counter(outcome.states)))
    print("faults:", outcome.faults() or "none")
    sys.exit(1 if outcome.faults() else 0)


if __name__ == "__main__":
    main()
