"""WSGI middleware around an application holds up neither the event loop nor other requests."""

import asyncio

import pytest

MIDDLEWARE = ["whitenoise", "translogger", "urlmap"]
TOGETHER = 8


@pytest.fixture(params=["gunicorn"])
def server(request):
    return request.param


@pytest.mark.parametrize("middleware", MIDDLEWARE)
def test_requests_are_served_at_the_same_time_and_coroutines_among_them(
    serve_application, tmp_path, clients, middleware
):
    (tmp_path / "style.css").write_text("body {}")

    async def main(clients):
        requests = [asyncio.create_task(clients.get("/together")) for _ in range(TOGETHER - 1)]
        # They wait for one more, and nobody else has to.
        coroutine = await clients.get("/coroutine")
        last = await clients.get("/together")
        return coroutine, [*await asyncio.gather(*requests), last]

    address = f"behind_middleware:{middleware}"
    with serve_application(address, {"static": str(tmp_path)}) as served:
        coroutine, together = clients(served, main)
        assert "is around an application that includes aiopyramid_core" in served.log
    assert coroutine == (200, "coroutine")
    assert together == [(200, "together")] * TOGETHER


def test_files_come_from_the_middleware(serve_application, tmp_path, clients):
    (tmp_path / "style.css").write_text("body {}")
    with serve_application("behind_middleware:whitenoise", {"static": str(tmp_path)}) as served:
        assert clients(served, lambda clients: clients.get("/static/style.css")) == (200, "body {}")


def test_each_application_of_a_map_is_served(serve_application, tmp_path, clients):
    with serve_application("behind_middleware:urlmap", {"static": str(tmp_path)}) as served:
        answer = clients(served, lambda clients: clients.get("/other/coroutine"))
        assert answer == (200, "coroutine")
