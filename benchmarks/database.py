"""Measure requests that query PostgreSQL through SQLAlchemy, with a pool of 50 connections.

First 500 requests at once that each wait 0.1 s in the database, while another client sends one
health check after the other: ours is the view of ``config.add_health_view()``, the others' a page
that queries nothing. The ideal is one second. The first of these bursts, which also opens the
connections of the pool, is reported as "cold". Then requests that load one object by its key,
as many as 50 clients can send.

The same database, query and pool are used by coroutine views with the ordinary Session of
aiopyramid-sqlalchemy, by Starlette with AsyncSession on uvicorn, and by gunicorn's gthread with
psycopg2. The database server is started for the benchmark, on the core of the clients.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from _common import HELLO
from _common.burst import burst, pinging
from _common.commands import ServerCommand, gunicorn, uvicorn
from _common.http_request import HTTPRequest
from _common.load import measure
from _common.report import Figure, Presentation, Table, make_parser, placing, positive, report
from _common.results import Results, Sample
from _common.servers import CannotMeasureError, Server, pinned, placed, starting, two_cores
from database_applications import HEALTH, Base, Greeting, url
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

sys.path.append(str(Path(__file__).parents[1] / "tests/support"))
from postgres_server import postgres_server
from system_programs import ProgramMissingError

REQUESTS: Final = 500
PING: Final = HTTPRequest("/ping")
CONNECTIONS: Final = 50
THREADS: Final = 50
"""gthread's: as many as the pool has connections."""

PACKAGES: Final = (
    *("aiopyramid-core", "aiopyramid-gunicorn", "aiopyramid-sqlalchemy", "sqlalchemy", "asyncpg"),
    *("psycopg2-binary", "starlette", "uvicorn", "uvloop", "gunicorn"),
)


def commands() -> Mapping[str, ServerCommand]:
    """Return the servers, ours first."""
    return {
        "AsyncGunicornWorker, Session": gunicorn(
            "database", "aiopyramid_gunicorn.AsyncGunicornWorker"
        ),
        "Starlette on uvicorn, AsyncSession": uvicorn("database_starlette"),
        f"gthread, {THREADS} threads, psycopg2": gunicorn(
            "database_in_threads", "gthread", {"threads": THREADS}
        ),
    }


def fill() -> None:
    """Create the object that the requests load."""
    engine = create_engine(url("psycopg2"))
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Greeting(id=1, words=HELLO.decode()))
        session.commit()
    engine.dispose()


async def wait_at_once(server: Server) -> Sample:
    """Send all requests at once; return the seconds they took, and the slowest check's."""
    address, before = server.url(""), server.cpu_seconds()
    async with pinging(address, HEALTH) as pings:
        total = await burst(address, "/sleep", REQUESTS)
    used = server.cpu_seconds() - before
    return {"total": total, "cpu_seconds": used, "slowest_check": pings.slowest}


async def measure_waits(rounds: int, left_out: dict[str, str]) -> list[Sample]:
    """Return a sample of each server for each round, and one before its pool has connections."""
    server_core, client_core = two_cores()
    samples: list[Sample] = []
    with (
        starting(commands(), left_out, core=server_core, request=PING) as servers,
        pinned(client_core),
    ):
        for number in range(rounds + 1):
            for name, server in servers.items():
                pool = "warm" if number else "cold"
                sample = await wait_at_once(server)
                samples.append({"round": number, "server": name, "pool": pool, **sample})
    return samples


def tables(results: Results) -> list[Table]:
    """Return the tables to print."""
    names = results.names("server")

    def figure(name: str, field: str, form: str, **where: str) -> str:
        return Figure.of(results.values(field, server=name, **where)).text(form)

    waits = [
        [
            f"{name}, {pool} pool",
            figure(name, "total", ".2f", pool=pool),
            figure(name, "slowest_check", ".3f", pool=pool),
            figure(name, "cpu_seconds", ".2f", pool=pool),
        ]
        for pool in ("warm", "cold")
        for name in names
    ]
    loads = [
        [
            name,
            figure(name, "requests_per_second", ",.0f"),
            figure(name, "cpu_microseconds", ",.0f"),
            figure(name, "p99_milliseconds", ".0f"),
        ]
        for name in names
    ]
    return [
        Table(
            f"{REQUESTS} requests at once that wait 0.1 s in the database, 50 connections: seconds",
            ["Server", "all answers", "slowest health check", "CPU time"],
            waits,
        ),
        Table(
            f"Requests that load one object, {CONNECTIONS} clients",
            ["Server", "requests/s", "CPU time (us)", "99th percentile (ms)"],
            loads,
        ),
    ]


def notes(results: Results) -> list[str]:
    """Return how it was measured."""
    return ["{rounds} rounds; ".format(**results.parameters) + placing(results)]


SHOW: Final = Presentation(PACKAGES, tables, notes)


def main() -> None:
    """Measure and print; leave with a message if that is not possible."""
    parser = make_parser(__doc__, rounds=5)
    parser.add_argument(
        "--seconds", type=positive, default=3, help="under load, each round (default: %(default)s)"
    )
    options = parser.parse_args()
    left_out: dict[str, str] = {}
    try:
        with postgres_server(most_connections=200) as folder:
            os.environ["BENCHMARK_DATABASE"] = folder
            fill()
            samples = asyncio.run(measure_waits(options.rounds, left_out))
            measured = measure(
                commands(),
                request=HTTPRequest("/query"),
                rounds=options.rounds,
                seconds=options.seconds,
                connections=CONNECTIONS,
            )
    except (CannotMeasureError, ProgramMissingError) as error:
        sys.exit(f"Cannot measure: {error}")
    samples += measured.samples
    report(SHOW, options, samples, left_out=left_out | measured.left_out, **placed())


if __name__ == "__main__":
    main()
