"""The recipe for coroutine views: SQLAlchemy's asyncio engine, on SQLite and on PostgreSQL."""

import asyncio
import uuid
from contextlib import ExitStack

import pytest

SERVERS = ["gunicorn", "waitress"]
each_server = pytest.mark.parametrize("server", SERVERS)
each_database = pytest.mark.parametrize("database", ["sqlite", "postgresql"])
POOL_SIZE = 5  # the guide's


@pytest.fixture(scope="module")
def new_database(request, tmp_path_factory):
    """Make an empty database and return its URL."""

    def new_database(kind):
        if kind == "sqlite":
            return f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('database')}/data.db"
        url = request.getfixturevalue("postgres")
        name = f"test_{uuid.uuid4().hex}"
        asyncio.run(create_database(url.partition("host=")[2], name))
        return url.format(database=name)

    return new_database


async def create_database(host, name):
    import asyncpg

    connection = await asyncpg.connect(host=host, user="postgres", database="postgres")
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()


@pytest.fixture(scope="module")
def start(serve, new_database):
    """Start the application, with a database of its own."""

    def start(server, database, **settings):
        url = new_database(database)
        return serve(server, "myapp.async_app", {"database.url": url, **settings})

    return start


@pytest.fixture(scope="module")
def running(start):
    with ExitStack() as stack:
        servers = {}

        def running(*key):
            if key not in servers:
                servers[key] = stack.enter_context(start(*key))
            return servers[key]

        yield running


def assert_no_complaint(served):
    for complaint in (
        "Traceback",
        "RuntimeWarning",
        "SAWarning",
        "never awaited",
        "non-checked-in",
    ):
        assert complaint not in served.output


@pytest.fixture
def served(running, server, database):
    """One server for all tests that leave it as it was."""
    served = running(server, database)
    yield served
    assert_no_complaint(served)


async def names_of(served, session):
    return set((await served.ok(session, "/names"))["names"])


async def all_connections_are_back(served, session):
    await served.until(session, "/pool", lambda answer: answer["checked_out"] == 0)


@each_database
@each_server
class TestARequest:
    def test_what_a_view_writes_is_committed(self, served, clients):
        async def main(session):
            await served.ok(session, "/add?name=kept")
            return await names_of(served, session)

        assert "kept" in clients(main)

    def test_what_a_view_wrote_before_it_raised_is_rolled_back(self, served, clients):
        async def main(session):
            assert await served.get(session, "/add_and_raise?name=raised") == (
                418,
                {"expected": True},
            )
            return await names_of(served, session)

        assert "raised" not in clients(main)

    def test_nobody_sees_what_is_not_committed_yet(self, served, clients):
        clients(served.hides, "add_flushed_and_wait")

    def test_a_synchronous_view_reads_what_coroutines_wrote(self, served, clients):
        async def main(session):
            await served.ok(session, "/add?name=for-the-thread")
            return (await served.ok(session, "/names_from_a_thread"))["names"]

        assert "for-the-thread" in clients(main)

    def test_a_streamed_body_reads_with_a_session_of_its_own(self, served, clients):
        async def main(session):
            await served.ok(session, "/add?name=streamed")
            text = await served.ok(session, "/stream")
            await all_connections_are_back(served, session)
            return text.split()

        assert "streamed" in clients(main)

    def test_tasks_query_side_by_side_with_a_session_each(self, served, clients):
        counts = clients(served.ok, "/side_by_side")["counts"]
        assert len(counts) == 10
        assert len(set(counts)) == 1

    def test_one_that_asks_for_no_session_gets_none(self, served, clients):
        assert clients(served.ok, "/asks_for_no_session") == {"asked": False}


@each_database
@each_server
class TestManyRequests:
    def test_50_at_once_share_the_pools_connections(self, served, clients):
        async def main(session):
            answers = await asyncio.gather(*(served.ok(session, "/crowd") for _ in range(50)))
            await all_connections_are_back(served, session)
            return max(answer["most"] for answer in answers)

        assert clients(main) == POOL_SIZE

    def test_50_at_once_do_not_mix(self, served, clients):
        async def main(session):
            kept, raised = [f"kept{i}" for i in range(25)], [f"raised{i}" for i in range(25)]
            await asyncio.gather(
                *(served.ok(session, f"/add?name={name}") for name in kept),
                *(served.get(session, f"/add_and_raise?name={name}") for name in raised),
            )
            names = await names_of(served, session)
            assert names >= set(kept)
            assert names.isdisjoint(raised)
            await all_connections_are_back(served, session)

        clients(main)

    def test_the_worker_has_one_engine(self, served, clients):
        async def main(session):
            await asyncio.gather(*(served.ok(session, "/names") for _ in range(20)))
            return (await served.ok(session, "/pool"))["engines"]

        assert clients(main) == 1


# --- Requests that end early ----------------------------------------------------------------------


@each_database
def test_requests_whose_clients_have_gone_leave_no_connection_behind(start, clients, database):
    with start("gunicorn", database, **{"aiopyramid.cancel_on_disconnect": "true"}) as served:

        async def main(session):
            # Some hold a connection, the others wait for one.
            requests = [
                asyncio.create_task(served.get(session, f"/read_and_wait?name={i}&gate=never"))
                for i in range(3 * POOL_SIZE)
            ]
            await served.until(
                session, "/waiting?gate=never", lambda answer: len(answer["waiting"]) == POOL_SIZE
            )
            for request in requests:
                request.cancel()  # closes the connection
            await asyncio.wait(requests)
            await all_connections_are_back(served, session)
            await asyncio.gather(*(served.ok(session, f"/add?name={i}") for i in range(10)))
            return await names_of(served, session)

        assert clients(main) == {str(i) for i in range(10)}
        assert_no_complaint(served)


@each_database
@each_server
def test_requests_over_the_time_limit_leave_no_connection_behind(start, clients, server, database):
    with start(server, database, **{"aiopyramid.request_timeout": "1"}) as served:

        async def main(session):
            paths = [f"/add_flushed_and_wait?name=late&gate=never{i}" for i in range(1)]
            paths += [f"/read_and_wait?name={i}&gate=never" for i in range(2 * POOL_SIZE)]
            answers = await asyncio.gather(*(served.get(session, path) for path in paths))
            assert {status for status, _ in answers} == {503}
            await all_connections_are_back(served, session)
            return await names_of(served, session)

        assert clients(main) == set()
        assert_no_complaint(served)


def test_a_query_whose_client_has_gone_is_cancelled_in_the_database(start, clients):
    with start("gunicorn", "postgresql", **{"aiopyramid.cancel_on_disconnect": "true"}) as served:

        async def main(session):
            requests = [
                asyncio.create_task(served.get(session, "/database_sleeps")) for _ in range(3)
            ]
            await served.until(session, "/server_side", lambda answer: answer["asleep"] == 3)
            for request in requests:
                request.cancel()  # closes the connection
            await asyncio.wait(requests)
            await served.until(session, "/server_side", lambda answer: answer["asleep"] == 0)
            await all_connections_are_back(served, session)

        clients(main)
        assert_no_complaint(served)


@each_server
def test_the_database_has_no_more_connections_than_the_pool(start, clients, server):
    with start(server, "postgresql") as served:

        async def main(session):
            await asyncio.gather(*(served.ok(session, "/crowd") for _ in range(50)))
            return await served.ok(session, "/server_side")

        # It counts all but its own.
        assert clients(main) == {"total": POOL_SIZE - 1, "asleep": 0, "idle in transaction": 0}


@each_database
@each_server
def test_the_pool_is_disposed_of_with_the_worker(start, clients, server, database):
    with start(server, database) as served:
        clients(served.ok, "/add?name=any")
        # Connections to SQLite are threads, for which the process would wait at its end.
        assert served.end() < 10
        assert_no_complaint(served)
