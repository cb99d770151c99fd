"""Synchronous code on an asyncio session: SQLAlchemy's greenlets inside those of the bridge."""

import pytest


@pytest.fixture(scope="module", params=["gunicorn", "waitress"])
def served(request, serve, tmp_path_factory):
    url = f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('database')}/data.db"
    with serve(request.param, "myapp.async_app", {"database.url": url}) as served:
        yield served


def test_synchronous_code_below_run_sync_may_call_a_synchronized_function(served, clients):
    async def main(session):
        assert await served.ok(session, "/add_priced?name=four") == {"price": 4}
        return await served.ok(session, "/names")

    assert clients(main) == {"names": ["four"]}


def test_what_the_synchronized_function_raises_can_be_caught_there(served, clients):
    assert clients(served.ok, "/run_sync_and_catch") == {"outcome": "caught"}


def test_the_coroutine_below_may_call_synchronous_code_that_awaits_again(served, clients):
    assert clients(served.ok, "/run_sync_to_any_depth") == {"price": 4}


def test_it_works_in_a_task_outside_of_the_requests_greenlet(served, clients):
    assert clients(served.ok, "/run_sync_in_a_task") == {"price": 4}


def test_what_blocks_there_can_be_called_off_the_loop(served, clients):
    assert clients(served.ok, "/run_sync_and_block") == {"off_loop": True}
