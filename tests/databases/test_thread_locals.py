"""An application that relies on thread-locals just works; its coroutine views need one word."""

import asyncio
from contextlib import ExitStack

import pytest

each_server = pytest.mark.parametrize("server", ["gunicorn", "waitress"])
each_scope = pytest.mark.parametrize("scoped", [False, True], ids=["as it is", "request_scope"])


@pytest.fixture(scope="module")
def start(serve, tmp_path_factory):
    """Start the application, with a database of its own."""

    def start(server, **settings):
        url = f"sqlite:///{tmp_path_factory.mktemp(server)}/data.db?timeout=60"
        return serve(server, "myapp.thread_local_app", {"sqlalchemy.url": url, **settings})

    return start


@pytest.fixture(scope="module")
def running(start):
    """The servers, each started when it is first asked for."""
    with ExitStack() as stack:
        servers = {}

        def running(server, scoped):
            key = server, scoped
            if key not in servers:
                servers[key] = stack.enter_context(start(server, scoped=scoped))
            return servers[key]

        yield running


@pytest.fixture
def served(running, server, scoped):
    return running(server, scoped)


@pytest.fixture
def scoped():
    """Whether the session is one per coroutine request; most tests need it."""
    return True


async def names_of(served, session):
    return set((await served.ok(session, "/names"))["names"])


# --- Synchronous views ----------------------------------------------------------------------------


@each_server
@each_scope
def test_what_a_view_writes_is_committed(served, clients):
    async def main(session):
        await served.ok(session, "/add?name=kept")
        assert await served.ok(session, "/is_locked") == {"locked": False}
        return await names_of(served, session)

    assert "kept" in clients(main)


@each_server
@each_scope
def test_what_a_view_wrote_before_it_raised_is_rolled_back(served, clients):
    async def main(session):
        assert (await served.get(session, "/add_and_raise?name=raised"))[0] == 500
        assert await served.ok(session, "/is_locked") == {"locked": False}
        return await names_of(served, session)

    assert "raised" not in clients(main)


@each_server
@each_scope
def test_requests_at_the_same_time_do_not_mix(served, clients):
    clients(served.keeps_apart, "add", "add_and_raise")


@each_server
@each_scope
def test_nobody_sees_what_is_not_committed_yet(served, clients):
    clients(served.hides, "add_and_wait")


@each_server
@each_scope
def test_callbacks_write_what_the_view_has_left_in_its_thread(served, clients):
    async def main(session):
        await served.ok(session, "/add_after_the_tweens?name=left")
        # The last one runs when the answer may be there already.
        both = {"left response", "left finished"}
        await served.until(session, "/names", lambda answer: both <= set(answer["names"]))

    clients(main)


# --- Coroutine views ------------------------------------------------------------------------------


@each_server
def test_the_transaction_of_a_coroutine_view_that_waits_is_committed(served, clients):
    async def main(session):
        first = asyncio.create_task(served.get(session, "/join?name=first&gate=1"))
        await served.until(session, "/waiting?gate=1", lambda answer: answer["waiting"])
        await served.ok(session, "/join?name=second")
        assert await served.ok(session, "/endings") == {"second": "committed"}
        await served.ok(session, "/open_gate?gate=1")
        assert await first == (200, {})
        return await served.ok(session, "/endings")

    assert clients(main) == {"first": "committed", "second": "committed"}


@each_server
def test_with_request_scope_what_coroutine_views_write_does_not_mix(served, clients):
    clients(served.keeps_apart, "add_from_coroutine", "add_from_coroutine_and_raise")


def test_a_request_that_was_cancelled_leaves_nothing_to_later_ones(start, clients):
    with start("gunicorn", scoped=True, **{"aiopyramid.cancel_on_disconnect": "true"}) as served:

        async def main(session):
            path = "/add_from_coroutine?name=gone&gate=1"
            request = asyncio.create_task(served.get(session, path))
            await served.until(session, "/waiting?gate=1", lambda answer: answer["waiting"])
            request.cancel()  # closes the connection
            await asyncio.wait([request])
            await served.until(session, "/is_locked", lambda answer: not answer["locked"])
            for number in range(5):
                await served.ok(session, f"/add_from_coroutine?name=later{number}")
            return await names_of(served, session)

        assert clients(main) == {f"later{number}" for number in range(5)}


def test_without_it_a_request_may_roll_back_what_another_one_was_told_is_written(start, clients):
    # One thread for queries: so both requests have the same session for sure.
    settings = {"scoped": False, "aiopyramid.executor.max_workers": "1"}
    with start("gunicorn", **settings) as served:

        async def main(session):
            path = "/add_from_coroutine_and_raise?name=raised&gate=1"
            first = asyncio.create_task(served.get(session, path))
            await served.until(session, "/waiting?gate=1", lambda answer: answer["waiting"])
            assert await served.get(session, "/add_from_coroutine?name=lost") == (200, {})
            await served.ok(session, "/open_gate?gate=1")
            assert (await first)[0] == 500
            return await names_of(served, session)

        assert clients(main) == set()
        served.said("Coroutine requests share a SQLAlchemy session")
