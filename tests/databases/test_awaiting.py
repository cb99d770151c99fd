"""Requests that wait for PostgreSQL in ``request.dbsession``, many at once."""

import asyncio
import uuid

import asyncpg
import pytest

POOL_SIZE = 10


@pytest.fixture(scope="module")
def address(postgres):
    """The arguments with which asyncpg connects to an empty database."""
    host, name = postgres.partition("host=")[2], f"test_{uuid.uuid4().hex}"

    async def create():
        connection = await asyncpg.connect(host=host, user="postgres", database="postgres")
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()

    asyncio.run(create())
    return {"host": host, "user": "postgres", "database": name}


@pytest.fixture(scope="module")
def served(serve, postgres, address):
    settings = {
        "sqlalchemy.url": postgres.format(database=address["database"]),
        "sqlalchemy.pool_size": str(POOL_SIZE),
        "sqlalchemy.max_overflow": "0",
        "sqlalchemy.pool_timeout": "20",
        "sqlalchemy.pool_pre_ping": "true",
        "tm.manager_hook": "pyramid_tm.explicit_manager",
        "aiopyramid.cancel_on_disconnect": "true",
    }
    with serve("gunicorn", "shop.application", settings) as served:
        yield served


async def states(connection):
    """Tell what the application's connections do, as PostgreSQL sees it."""
    rows = await connection.fetch(
        "SELECT state, wait_event_type FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid != pg_backend_pid()"
        " AND backend_type = 'client backend'"
    )
    return [(row["state"], row["wait_event_type"]) for row in rows]


async def until(condition):
    async with asyncio.timeout(60):
        while not await condition():
            await asyncio.sleep(0.01)


async def all_is_returned(served, session, connection):
    """Wait until no connection is checked out and no transaction is open."""
    await served.until(session, "/ping", lambda answer: answer["checked_out"] == 0)

    async def none_is_open():
        return all(state == "idle" for state, _ in await states(connection))

    await until(none_is_open)


def test_requests_that_wait_for_the_database_hold_up_no_others(served, clients, address):
    """As many as the pool has connections, and as many again that wait for one."""

    async def main(session):
        connection = await asyncpg.connect(**address)
        await connection.execute("SELECT pg_advisory_lock(1)")
        waiting = [
            asyncio.ensure_future(served.ok(session, "/wait_for_lock"))
            for _ in range(2 * POOL_SIZE)
        ]

        async def all_connections_wait():
            return (await states(connection)).count(("active", "Lock")) == POOL_SIZE

        await until(all_connections_wait)
        for _ in range(20):
            assert (await served.ok(session, "/ping")) == {"checked_out": POOL_SIZE}
        assert not any(task.done() for task in waiting)
        await connection.execute("SELECT pg_advisory_unlock(1)")
        await asyncio.gather(*waiting)
        await all_is_returned(served, session, connection)
        await connection.close()

    clients(main)


def test_queries_whose_clients_have_gone_end_in_the_database(served, clients, address):
    async def main(session):
        connection = await asyncpg.connect(**address)
        await connection.execute("SELECT pg_advisory_lock(1)")
        waiting = [
            asyncio.ensure_future(served.get(session, "/wait_for_lock"))
            for _ in range(2 * POOL_SIZE)
        ]

        async def all_connections_wait():
            return (await states(connection)).count(("active", "Lock")) == POOL_SIZE

        await until(all_connections_wait)
        for task in waiting:
            task.cancel()  # closes its connection to the server
        await asyncio.wait(waiting)
        await all_is_returned(served, session, connection)
        await connection.execute("SELECT pg_advisory_unlock(1)")
        await asyncio.gather(*(served.ok(session, "/sleep") for _ in range(POOL_SIZE)))
        await connection.close()

    clients(main)


def test_workers_of_an_application_that_was_loaded_before_the_fork_share_no_connection(
    serve, clients, postgres
):
    settings = {
        "sqlalchemy.url": postgres.format(database="postgres"),
        "tm.manager_hook": "pyramid_tm.explicit_manager",
    }
    with serve("preloading gunicorn", "shop.application", settings) as served:

        async def main(session):
            paths = [f"/add?name={i}" for i in range(20)]
            paths += [f"/add_in_thread?name=t{i}" for i in range(20)]
            await asyncio.gather(*(served.ok(session, path) for path in paths))
            return set((await served.ok(session, "/names"))["names"])

        assert clients(main) >= {*map(str, range(20)), *(f"t{i}" for i in range(20))}
        served.said("Booting worker", times=2)
        served.end()
        for complaint in ("Traceback", "non-checked-in", "never awaited"):
            assert complaint not in served.output
