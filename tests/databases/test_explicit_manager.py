"""The recipe for ordinary views: ``pyramid_tm``, an explicit manager, a thread for all of it."""

import asyncio
from contextlib import ExitStack

import pytest

SERVERS = ["gunicorn", "waitress"]
each_server = pytest.mark.parametrize("server", SERVERS)


@pytest.fixture(scope="module")
def start(serve, tmp_path_factory):
    """Start the application, with a database of its own."""

    def start(server, **settings):
        url = f"sqlite:///{tmp_path_factory.mktemp('database')}/data.db"
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
def test_what_a_view_writes_is_committed(served, clients):
    async def main(session):
        await served.ok(session, "/add?name=kept")
        return await names_of(served, session)

    assert "kept" in clients(main)


@each_server
def test_what_a_coroutine_view_has_a_thread_write_is_committed(served, clients):
    async def main(session):
        await served.ok(session, "/add_from_coroutine?name=by-coroutine")
        return await names_of(served, session)

    assert "by-coroutine" in clients(main)


@each_server
@pytest.mark.parametrize(("how", "status"), [("raise", 418), ("conflict", 409)])
def test_what_a_view_wrote_before_it_raised_is_rolled_back(served, clients, how, status):
    async def main(session):
        assert (await served.get(session, f"/add_and_{how}?name={how}"))[0] == status
        return await names_of(served, session)

    assert how not in clients(main)


@each_server
def test_nobody_sees_what_is_not_committed_yet(served, clients):
    async def main(session):
        path = "/add_flushed_and_wait?name=later&gate=later"
        writer = asyncio.create_task(served.ok(session, path))
        await served.until(session, "/live/waiting?gate=later", lambda answer: answer["waiting"])
        before = await names_of(served, session)
        await served.ok(session, "/live/open_gate?gate=later")
        await writer
        assert "later" not in before
        assert "later" in await names_of(served, session)

    clients(main)


@each_server
def test_requests_at_the_same_time_do_not_mix(served, clients):
    async def main(session):
        kept, raised = [f"kept{i}" for i in range(30)], [f"raised{i}" for i in range(30)]
        await asyncio.gather(
            *(served.ok(session, f"/add?name={name}") for name in kept),
            *(served.get(session, f"/add_and_raise?name={name}") for name in raised),
        )
        names = await names_of(served, session)
        assert names >= set(kept)
        assert names.isdisjoint(raised)

    clients(main)


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
        assert await served.ok(session, "/live/pool") == {"checked_out": 0}

    clients(main)


@each_server
def test_the_commit_is_in_the_views_thread(served, clients):
    async def main(session):
        await served.ok(session, "/thread_of_commit")
        return await served.ok(session, "/live/same_thread")

    assert clients(main) == {"same": True}


# --- Threads --------------------------------------------------------------------------------------


def test_a_coroutine_view_that_needs_no_transaction_holds_no_thread(start, clients):
    with start("gunicorn", **{"aiopyramid.executor.max_workers": "1"}) as served:

        async def main(session):
            requests = [served.ok(session, f"/live/view?name={i}&gate=1") for i in range(3)]
            waiting = asyncio.gather(*requests)
            three = ["0", "1", "2"]
            await served.until(session, "/live/waiting?gate=1", lambda now: now["waiting"] == three)
            await served.ok(session, "/live/open_gate?gate=1")
            return await waiting

        assert clients(main) == [{"transaction": False}] * 3


def test_views_that_take_all_threads_and_wait_for_a_lock_do_not_keep_its_holder_from_it(
    start, clients
):
    with start("gunicorn", **{"aiopyramid.executor.max_workers": "4"}) as served:

        async def main(session):
            await asyncio.gather(
                *(served.ok(session, f"/add_flushed_and_wait?name={i}&gate=1") for i in range(12)),
                served.ok(session, "/live/open_gate?gate=1"),
            )
            return await names_of(served, session)

        assert clients(main) == {str(i) for i in range(12)}


def test_coroutines_that_need_a_thread_while_requests_hold_all_of_them_get_one(start, clients):
    with start("gunicorn", **{"aiopyramid.executor.max_workers": "2"}) as served:

        async def main(session):
            paths = [f"/add_from_coroutine?name={i}" for i in range(12)]
            await asyncio.gather(*(served.ok(session, path) for path in paths))
            return await names_of(served, session)

        assert clients(main) == {str(i) for i in range(12)}


async def commit_while_another_request_holds_the_lock(served, session):
    """Return whether the loop was alive meanwhile, and the statuses of both requests."""
    first = asyncio.create_task(served.get(session, "/add_flushed_and_wait?name=first&gate=1"))
    await served.until(session, "/live/waiting?gate=1", lambda answer: answer["waiting"])
    second = asyncio.create_task(served.get(session, "/add_and_tell?name=second&gate=1"))
    try:
        async with asyncio.timeout(3):
            both = {"waiting": ["first", "second"]}
            await served.until(session, "/live/waiting?gate=1", lambda answer: answer == both)
            for _ in range(20):  # from now on, the second one may commit at any time
                await served.ok(session, "/live/waiting?gate=1")
                await asyncio.sleep(0.01)
    except TimeoutError:
        alive = False
    else:
        alive = True
    await served.get(session, "/live/open_gate?gate=1")
    return alive, (await first)[0], (await second)[0]


def test_a_commit_that_waits_for_a_lock_holds_up_nobody_else(start, clients):
    with start("gunicorn") as served:

        def main(session):
            return commit_while_another_request_holds_the_lock(served, session)

        assert clients(main) == (True, 200, 200)


def test_without_the_tween_it_holds_up_everybody_and_fails(start, clients):
    tweens = "aiopyramid_core.tweens.ingress_tween_factory"
    tweens += " pyramid_tm.tm_tween_factory pyramid.tweens.excview_tween_factory"
    with start("gunicorn", **{"pyramid.tweens": tweens}) as served:

        def main(session):
            return commit_while_another_request_holds_the_lock(served, session)

        # SQLite gives up after five seconds. PostgreSQL would wait for ever.
        assert clients(main) == (False, 200, 500)
        served.said("database is locked")


# --- Requests that end early ----------------------------------------------------------------------


def test_a_request_whose_client_has_gone_is_committed_as_a_whole(start, clients):
    with start("gunicorn", **{"aiopyramid.cancel_on_disconnect": "true"}) as served:

        async def main(session):
            request = asyncio.create_task(
                served.get(session, "/add_flushed_and_wait?name=paid&gate=1")
            )
            await served.until(session, "/live/waiting?gate=1", lambda answer: answer["waiting"])
            request.cancel()  # closes the connection
            await asyncio.wait([request])
            await served.ok(session, "/live/open_gate?gate=1")
            await served.until(session, "/names", lambda answer: answer == {"names": ["paid"]})
            await served.until(session, "/live/pool", lambda answer: answer == {"checked_out": 0})

        clients(main)


@each_server
def test_a_coroutine_over_the_time_limit_is_rolled_back(start, clients, server):
    with start(server, **{"aiopyramid.request_timeout": "0.5"}) as served:

        async def main(session):
            status, _ = await served.get(session, "/add_and_wait_on_loop?name=late&gate=never")
            assert status == 503
            assert await served.ok(session, "/live/pool") == {"checked_out": 0}
            return await names_of(served, session)

        assert clients(main) == set()


# --- SQLite in memory -----------------------------------------------------------------------------


def test_a_database_in_memory_is_another_one_in_every_thread(start, clients):
    with start("gunicorn", **{"sqlalchemy.url": "sqlite://"}) as served:
        assert clients(served.get, "/add?name=any")[0] == 500
        served.said("no such table: entry")
