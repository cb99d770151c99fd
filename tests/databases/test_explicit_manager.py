"""The recipes with ``pyramid_tm`` and an explicit manager: synchronous and coroutine views."""

import asyncio
from contextlib import ExitStack

import pytest

SERVERS = ["gunicorn", "waitress"]
each_server = pytest.mark.parametrize("server", SERVERS)


@pytest.fixture(scope="module")
def start(serve, tmp_path_factory):
    """Start the application, with a database of its own."""

    def start(server, **settings):
        url = f"sqlite:///{tmp_path_factory.mktemp('database')}/data.db?timeout=60"
        return serve(server, "myapp.sync_app", {"sqlalchemy.url": url, **settings})

    return start


@pytest.fixture(scope="module")
def running(start):
    with ExitStack() as stack:
        servers = {}

        def running(server):
            if server not in servers:
                servers[server] = stack.enter_context(start(server))
            return servers[server]

        yield running


@pytest.fixture
def served(running, server):
    """One server for all tests that leave it as it was."""
    served = running(server)
    yield served
    assert "Traceback" not in served.output


async def names_of(served, session):
    return set((await served.ok(session, "/names"))["names"])


@each_server
@pytest.mark.parametrize("view", ["add", "add_from_coroutine", "add_with_price"])
def test_what_a_view_writes_is_committed(served, clients, view):
    async def main(session):
        await served.ok(session, f"/{view}?name={view}")
        return await names_of(served, session)

    assert view in clients(main)


@each_server
@pytest.mark.parametrize(("how", "status"), [("raise", 418), ("conflict", 409)])
def test_what_a_view_wrote_before_it_raised_is_rolled_back(served, clients, how, status):
    async def main(session):
        assert (await served.get(session, f"/add_and_{how}?name={how}"))[0] == status
        return await names_of(served, session)

    assert how not in clients(main)


@each_server
def test_nobody_sees_what_is_not_committed_yet(served, clients):
    clients(served.hides, "add_flushed_and_wait")


@each_server
def test_requests_at_the_same_time_do_not_mix(served, clients):
    clients(served.keeps_apart, "add", "add_and_raise")


@each_server
def test_the_security_policy_queries_within_the_requests_transaction(served, clients):
    async def main(session):
        await served.ok(session, "/add?name=known")
        assert await served.ok(session, "/whoami?user=known") == {"userid": "known"}
        assert await served.ok(session, "/whoami?user=stranger") == {"userid": None}

    clients(main)


@each_server
def test_every_connection_goes_back_to_the_pool(served, clients):
    async def main(session):
        paths = ["/add?name=pool{}", "/add_and_raise?name=raised{}", "/names?{}"]
        urls = [paths[i % 3].format(i) for i in range(60)]
        await asyncio.gather(*(served.get(session, url) for url in urls))
        assert await served.ok(session, "/pool") == {"checked_out": 0}

    clients(main)


@each_server
def test_the_commit_is_in_the_views_thread(served, clients):
    async def main(session):
        await served.ok(session, "/thread_of_commit")
        return await served.ok(session, "/same_thread")

    assert clients(main) == {"same": True}


@each_server
def test_coroutine_requests_at_the_same_time_do_not_mix(served, clients):
    async def main(session):
        await served.ok(session, "/add?name=user")
        # More than the engine's pool has connections: the policy must not wait for one on the loop.
        views = ["add_from_coroutine", "add_from_coroutine_and_raise"]
        await served.keeps_apart(session, *views, "&user=user")

    clients(main)


@pytest.mark.parametrize("view", ["add", "add_at_commit"])
def test_a_commit_that_fails_is_not_answered_with_200(start, clients, view):
    with start("gunicorn") as served:

        async def main(session):
            assert (await served.get(session, f"/{view}?name=twice"))[0] == 200
            return (await served.get(session, f"/{view}?name=twice"))[0]

        assert clients(main) == 500
        served.said("UNIQUE constraint failed")


@each_server
def test_a_background_task_commits_a_session_of_its_own(served, clients):
    async def main(session):
        await served.ok(session, "/add_from_task?name=task&gate=task")
        await served.ok(session, "/open_gate?gate=task")
        await served.until(session, "/names", lambda answer: "task" in answer["names"])

    clients(main)


# --- Threads --------------------------------------------------------------------------------------


def test_a_coroutine_view_that_waits_holds_no_thread(start, clients):
    with start("gunicorn", **{"aiopyramid.executor.max_workers": "1"}) as served:

        async def main(session):
            requests = [served.ok(session, f"/wait?name={i}&gate=1") for i in range(3)]
            waiting = asyncio.gather(*requests)
            three = ["0", "1", "2"]
            await served.until(session, "/waiting?gate=1", lambda now: now["waiting"] == three)
            assert await served.ok(session, "/whoami") == {"userid": None}  # needs the one thread
            await served.ok(session, "/open_gate?gate=1")
            await waiting

        clients(main)


def test_views_that_take_all_threads_and_wait_for_a_lock_do_not_keep_its_holder_from_it(
    start, clients
):
    with start("gunicorn", **{"aiopyramid.executor.max_workers": "4"}) as served:

        async def main(session):
            await asyncio.gather(
                *(served.ok(session, f"/add_flushed_and_wait?name={i}&gate=1") for i in range(12)),
                served.ok(session, "/open_gate?gate=1"),
            )
            return await names_of(served, session)

        assert clients(main) == {str(i) for i in range(12)}


def test_nor_do_coroutine_views_whose_queries_take_all_threads(start, clients):
    with start("gunicorn", **{"aiopyramid.executor.max_workers": "2"}) as served:

        async def main(session):
            paths = [f"/add_from_coroutine?name={i}" for i in range(12)]
            await asyncio.gather(*(served.ok(session, path) for path in paths))
            return await names_of(served, session)

        assert clients(main) == {str(i) for i in range(12)}


async def commit_while_another_request_holds_the_lock(served, session):
    """Return whether the loop was alive in the meantime, and the statuses of both requests."""
    first = asyncio.create_task(served.get(session, "/add_flushed_and_wait?name=first&gate=1"))
    await served.until(session, "/waiting?gate=1", lambda answer: answer["waiting"])
    second = asyncio.create_task(served.get(session, "/add_and_tell?name=second&gate=1"))
    try:
        async with asyncio.timeout(3):
            both = {"waiting": ["first", "second"]}
            await served.until(session, "/waiting?gate=1", lambda answer: answer == both)
            for _ in range(20):  # from now on, the second one may commit at any time
                await served.ok(session, "/waiting?gate=1")
                await asyncio.sleep(0.01)
    except TimeoutError:
        alive = False
    else:
        alive = True
    await served.get(session, "/open_gate?gate=1")
    return alive, (await first)[0], (await second)[0]


def test_a_commit_that_waits_for_a_lock_holds_up_nobody_else(start, clients):
    with start("gunicorn") as served:

        def main(session):
            return commit_while_another_request_holds_the_lock(served, session)

        assert clients(main) == (True, 200, 200)


# --- Requests that end early ----------------------------------------------------------------------


async def leave(served, session, path):
    """Send a request, and close the connection when its view waits at the gate named after it."""
    request = asyncio.create_task(served.get(session, f"/{path}?name={path}&gate={path}"))
    await served.until(session, f"/waiting?gate={path}", lambda answer: answer["waiting"])
    request.cancel()
    await asyncio.wait([request])


def test_a_request_whose_client_has_gone_is_committed_as_a_whole(start, clients):
    with start("gunicorn", **{"aiopyramid.cancel_on_disconnect": "true"}) as served:

        async def main(session):
            name = "add_flushed_and_wait"
            await leave(served, session, name)
            await served.ok(session, f"/open_gate?gate={name}")
            await served.until(session, "/names", lambda answer: answer == {"names": [name]})
            await served.until(session, "/pool", lambda answer: answer == {"checked_out": 0})

        clients(main)


@each_server
def test_a_coroutine_over_the_time_limit_is_rolled_back(start, clients, server):
    with start(server, **{"aiopyramid.request_timeout": "0.5"}) as served:

        async def main(session):
            status, _ = await served.get(session, "/add_and_wait_on_loop?name=late&gate=never")
            assert status == 503
            assert await served.ok(session, "/pool") == {"checked_out": 0}
            return await names_of(served, session)

        assert clients(main) == set()


def test_a_synchronous_view_over_the_time_limit_is_rolled_back_when_its_thread_has_ended(
    start, clients
):
    with start("gunicorn", **{"aiopyramid.request_timeout": "0.5"}) as served:

        async def main(session):
            status, _ = await served.get(session, "/add_flushed_and_wait?name=late&gate=1")
            assert status == 503
            await served.ok(session, "/open_gate?gate=1")
            await served.until(session, "/pool", lambda answer: answer == {"checked_out": 0})
            return await names_of(served, session)

        assert clients(main) == set()


def test_a_coroutine_request_whose_client_has_gone_is_rolled_back_as_a_whole(start, clients):
    with start("gunicorn", **{"aiopyramid.cancel_on_disconnect": "true"}) as served:

        async def main(session):
            await leave(served, session, "add_and_wait_on_loop")
            await served.until(session, "/pool", lambda answer: answer == {"checked_out": 0})
            return await names_of(served, session)

        assert clients(main) == set()


# --- SQLite in memory -----------------------------------------------------------------------------


def test_a_database_in_memory_is_another_one_in_every_thread(start, clients):
    with start("gunicorn", **{"sqlalchemy.url": "sqlite://"}) as served:
        assert clients(served.get, "/add?name=any")[0] == 500
        served.said("no such table: entry")
