"""Transactions that PostgreSQL aborts because of others: pyramid_retry tries them again."""

import asyncio
import uuid

import asyncpg
import pytest

REQUESTS = 5


@pytest.fixture(scope="module", params=["pyramid_tm.explicit_manager", ""])
def served(request, serve, postgres):
    async def create(host, name):
        connection = await asyncpg.connect(host=host, user="postgres", database="postgres")
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()

    name = f"test_{uuid.uuid4().hex}"
    asyncio.run(create(postgres.partition("host=")[2], name))
    settings = {
        "sqlalchemy.url": postgres.format(database=name),
        "sqlalchemy.isolation_level": "SERIALIZABLE",
        "tm.manager_hook": request.param,
        "retry.attempts": "100",
    }
    with serve("gunicorn", "shop.application", settings) as served:
        yield served


async def prices(served, session):
    return await served.ok(session, "/prices")


def test_serialisation_failures(served, clients):
    """Of all that write one row at the same time, one can be committed."""

    async def main(session):
        before = await prices(served, session)
        paths = ["/increment", "/increment_in_thread"] * REQUESTS
        answers = await asyncio.gather(*(served.ok(session, path) for path in paths))
        after = await prices(served, session)
        return after["1"] - before["1"], max(answer["attempt"] for answer in answers)

    written, attempt = clients(main)
    assert written == 2 * REQUESTS
    assert attempt > 0


def test_deadlocks(served, clients):
    async def main(session):
        before = await prices(served, session)
        paths = ["/lock_both?id=1&id=2", "/lock_both?id=2&id=1"]
        attempts = []
        while not any(attempts):
            answers = await asyncio.gather(*(served.ok(session, path) for path in paths))
            attempts += [answer["attempt"] for answer in answers]
        after = await prices(served, session)
        return {name: after[name] - before[name] for name in after}, len(attempts)

    written, requests = clients(main)
    assert written == {"1": requests, "2": requests}
