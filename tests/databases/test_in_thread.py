"""The tween of the guide with an application that relies on thread-locals."""

import asyncio

import pytest

pytestmark = pytest.mark.parametrize("server", ["gunicorn", "waitress"])


@pytest.fixture(scope="module")
def applications(serve, tmp_path_factory):
    """Both servers, started when they are first asked for."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        running = {}

        def application(server):
            if server not in running:
                url = f"sqlite:///{tmp_path_factory.mktemp(server)}/data.db"
                settings = {"sqlalchemy.url": url, "in_thread": True}
                running[server] = stack.enter_context(
                    serve(server, "myapp.thread_local_app", settings)
                )
            return running[server]

        yield application


@pytest.fixture
def served(applications, server):
    return applications(server)


def test_what_a_view_writes_is_committed(served, clients):
    async def main(session):
        await served.ok(session, "/add?name=kept")
        assert await served.ok(session, "/is_locked") == {"locked": False}
        return (await served.ok(session, "/names"))["names"]

    assert "kept" in clients(main)


def test_what_a_view_wrote_before_it_raised_is_rolled_back(served, clients):
    async def main(session):
        assert (await served.get(session, "/add_and_raise?name=raised"))[0] == 500
        assert await served.ok(session, "/is_locked") == {"locked": False}
        return (await served.ok(session, "/names"))["names"]

    assert "raised" not in clients(main)


def test_requests_at_the_same_time_do_not_mix(served, clients):
    async def main(session):
        kept, raised = [f"kept{i}" for i in range(30)], [f"raised{i}" for i in range(30)]
        await asyncio.gather(
            *(served.ok(session, f"/add?name={name}") for name in kept),
            *(served.get(session, f"/add_and_raise?name={name}") for name in raised),
        )
        names = set((await served.ok(session, "/names"))["names"])
        assert names >= set(kept)
        assert names.isdisjoint(raised)

    clients(main)


def test_nobody_sees_what_is_not_committed_yet(served, clients):
    async def main(session):
        writer = asyncio.create_task(served.ok(session, "/add_and_wait?name=later&gate=later"))
        await served.until(session, "/waiting?gate=later", lambda answer: answer["waiting"])
        before = (await served.ok(session, "/names"))["names"]
        await served.ok(session, "/open_gate?gate=later")
        await writer
        assert "later" not in before
        assert "later" in (await served.ok(session, "/names"))["names"]

    clients(main)


def test_coroutine_views_work(served, clients):
    assert clients(served.ok, "/coroutine") == {"called": True}
