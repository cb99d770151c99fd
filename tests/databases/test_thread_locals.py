"""The warning in ``docs/transactions.md``: what ``transaction.manager`` does to requests."""

import asyncio

import pytest


@pytest.fixture
def thread_local_app(serve, tmp_path):
    def start(server, **settings):
        url = f"sqlite:///{tmp_path}/data.db"
        return serve(server, "myapp.thread_local_app", {"sqlalchemy.url": url, **settings})

    return start


def test_what_an_ordinary_view_writes_is_not_committed(thread_local_app, clients):
    with thread_local_app("gunicorn") as served:

        async def main(session):
            assert await served.get(session, "/add?name=lost") == (200, {})
            # And it goes on to hold its locks.
            assert await served.ok(session, "/is_locked") == {"locked": True}
            return await served.ok(session, "/names")

        assert clients(main) == {"names": []}


def test_where_a_thread_serves_a_request_to_its_end_it_is_committed(thread_local_app, clients):
    with thread_local_app("waitress") as served:

        async def main(session):
            await served.ok(session, "/add?name=kept")
            assert await served.ok(session, "/is_locked") == {"locked": False}
            return await served.ok(session, "/names")

        assert clients(main) == {"names": ["kept"]}


@pytest.mark.parametrize(
    ("server", "ending"),
    [
        # The second one's tween begins a transaction, and ends the one in progress for it.
        ("gunicorn", "rolled back"),
        # Coroutines run on a thread of their own, which is nobody's to commit.
        ("waitress", None),
    ],
)
def test_the_transaction_of_a_coroutine_view_that_waits_is_not_committed(
    thread_local_app, clients, server, ending
):
    with thread_local_app(server) as served:

        async def main(session):
            first = asyncio.create_task(served.get(session, "/join?name=first&gate=1"))
            await served.until(session, "/waiting?gate=1", lambda answer: answer["waiting"])
            await served.ok(session, "/join?name=second")
            await served.ok(session, "/open_gate?gate=1")
            assert await first == (200, {})
            return await served.ok(session, "/endings")

        assert clients(main).get("first") == ending
