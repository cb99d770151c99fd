"""Two sites that know nothing of asyncio: what was answered 200 is in the database, no row more."""

import asyncio
import json

import pytest

SITES = ["old_site", "starter"]

each_site = pytest.mark.parametrize("site", SITES)


@each_site
def test_the_rows_are_those_that_were_answered_200(site, serve, sqlite, rows, clients, writes):
    async def main(clients):
        return await clients.write(["/add", "/add", "/fails"], writes)

    with serve(site, sqlite) as served:
        answers = clients(served, main)
    assert set(answers) == {200, 409}
    assert len(answers[409]) == writes // 3
    assert rows() == sorted(answers[200])


@each_site
def test_so_they_are_with_a_quarter_of_the_routes_made_coroutines(
    site, serve, sqlite, rows, clients, writes
):
    _write_with_coroutines(site, serve, sqlite, rows, clients, writes)


@pytest.mark.parametrize("server", ["uvicorn", "hypercorn", "granian", "daphne"], indirect=True)
def test_so_they_are_on_asgi_servers(serve, sqlite, rows, clients, writes):
    _write_with_coroutines("starter", serve, sqlite, rows, clients, writes)


def _write_with_coroutines(site, serve, sqlite, rows, clients, writes):
    paths = ["/add", "/add", "/fails", "/coroutine"] * 2 + ["/add", "/add", "/fails"]

    async def main(clients):
        return await clients.write([*paths, "/coroutine_fails"], writes)

    with serve(site, sqlite) as served:
        answers = clients(served, main)
    assert set(answers) == {200, 409}
    assert len(answers[409]) == writes // 3
    assert rows() == sorted(answers[200])


@each_site
def test_all_parts_of_a_synchronous_request_run_in_one_thread(site, serve, sqlite, clients):
    async def main(clients):
        await clients.get("/parts")
        # Under some servers the answer is there before the finished callback.
        while not (seen := json.loads((await clients.get("/parts_seen"))[1])):
            await asyncio.sleep(0.01)
        return seen

    with serve(site, sqlite) as served:
        seen = clients(served, main)
    assert set(seen) == {
        "NewRequest",
        "NewResponse",
        "finished callback",
        "permits",
        "identity",
        "predicate",
        "renderer",
        "response callback",
        "root factory",
        "tween",
        "view",
    }
    assert len(set(seen.values())) == 1


def test_one_who_waits_for_the_lock_of_another_holds_nobody_up(serve, sqlite, rows, clients):
    async def main(clients):
        writers = [
            asyncio.create_task(clients.get(f"/slow?name=row{i}&seconds=0.2")) for i in range(8)
        ]
        pings = 0
        while not all(writer.done() for writer in writers):
            assert (await clients.get("/ping"))[1] == "pong"
            pings += 1
        return [(await writer)[0] for writer in writers], pings

    with serve("starter", sqlite) as served:
        statuses, pings = clients(served, main)
    assert statuses == [200] * 8
    assert rows() == [f"row{i}" for i in range(8)]
    assert pings > 8  # at least one while each of them held the lock


def test_coroutine_requests_that_want_the_same_lock_get_it_one_after_the_other(
    serve, sqlite, clients
):
    async def main(clients):
        await clients.get("/add?name=row")
        return await asyncio.gather(*(clients.get("/same_row") for _ in range(60)))

    with serve("starter", sqlite) as served:
        assert clients(served, main) == [(200, "locked")] * 60
