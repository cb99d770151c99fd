"""The sites on PostgreSQL, whose server loses a process in the middle."""

import asyncio
import itertools
import os
import signal

import psycopg
import pytest
from postgres_server import postgres_server
from repetition import TIMES
from system_programs import ProgramMissingError

WRITES = 300
ROUNDS = 3 * TIMES

numbers = itertools.count()


@pytest.fixture(scope="module")
def postgres():
    """The folder of the socket of a PostgreSQL server."""
    try:
        with postgres_server() as folder:
            yield folder
    except ProgramMissingError as missing:
        pytest.skip(str(missing))


@pytest.fixture(params=["gunicorn"])
def server(request):
    return request.param


def connect(postgres, database):
    return psycopg.connect(
        f"host={postgres} user=postgres dbname={database}", autocommit=True, connect_timeout=10
    )


@pytest.fixture
def database(postgres):
    """A database of the test's own."""
    name = f"test_{next(numbers)}"
    with connect(postgres, "postgres") as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return name


def url(postgres, database):
    return f"postgresql+psycopg://postgres@/{database}?host={postgres}"


async def kill_one_of(postgres, database):
    """Kill a process of the database that serves the site."""
    while True:
        try:
            os.kill((await asyncio.to_thread(backends, postgres, database))[0], signal.SIGKILL)
            return
        except (IndexError, ProcessLookupError, psycopg.OperationalError):
            await asyncio.sleep(0.01)  # there is none yet, or it has just ended


def backends(postgres, database):
    query = (
        "SELECT pid FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'"
        " AND pid <> pg_backend_pid()"
    )
    with connect(postgres, database) as connection:
        return [pid for (pid,) in connection.execute(query, [database])]


@pytest.mark.parametrize("site", ["old_site", "starter"])
def test_no_row_is_lost_and_none_appears_when_the_database_loses_a_process(
    site, serve, postgres, database, clients
):
    async def main(clients):
        answers = {}

        for number in range(ROUNDS):
            paths = ["/add", "/fails", "/coroutine", "/coroutine_fails"]
            writing = asyncio.create_task(clients.write(paths, WRITES, first=number * WRITES))
            await kill_one_of(postgres, database)
            for status, names in (await writing).items():
                answers.setdefault(status, []).extend(names)
        # It has recovered, and so has the site.
        while (await clients.get("/add?name=again"))[0] != 200:
            await asyncio.sleep(0.1)
        return answers

    with serve(site, url(postgres, database)) as served:
        answers = clients(served, main)
        assert "database is locked" not in served.log
    with connect(postgres, database) as connection:
        rows = [name for (name,) in connection.execute("SELECT name FROM entry")]
    rows.remove("again")
    assert len(rows) == len(set(rows))
    # Each write that was answered with 200 is there. Refused ones are not.
    assert set(answers[200]) <= set(rows)
    assert set(rows).isdisjoint(answers[409])
    # Of a commit that was under way when the process was killed, nobody can tell.
    assert set(rows) - set(answers[200]) <= set(answers.get(500, []))
    assert answers.get(500), "the process was killed, and nobody noticed"


def test_coroutine_requests_that_want_the_same_row_get_it_one_after_the_other(
    serve, postgres, database, clients
):
    async def main(clients):
        await clients.get("/add?name=row")
        return await asyncio.gather(*(clients.get("/same_row") for _ in range(60)))

    with serve("starter", url(postgres, database)) as served:
        assert clients(served, main) == [(200, "locked")] * 60
