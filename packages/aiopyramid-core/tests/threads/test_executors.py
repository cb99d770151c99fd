"""executor: RequestExecutor, the setting, and an executor of the application's own."""

import asyncio
import logging
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from pyramid.config import Configurator
from pyramid.response import Response

from aiopyramid_core._bridge import process_loop as _process_loop
from aiopyramid_core._threads import executors as _executors
from aiopyramid_core._threads.of_process import request_threads
from aiopyramid_core.lifespan import lifespan_of
from aiopyramid_core.servers import RequestExecutor, adopt_loop

PATIENCE_SECONDS = 20


@pytest.fixture
def busy():
    """Make an executor whose only thread is busy until the end of the test."""
    release = threading.Event()
    executors = []

    def busy(kind=RequestExecutor):
        executors.append(kind(1))
        started = threading.Event()

        def occupy():
            started.set()
            release.wait(PATIENCE_SECONDS)

        executors[-1].submit(occupy)
        assert started.wait(PATIENCE_SECONDS)
        return executors[-1]

    yield busy
    release.set()
    for each in executors:
        each.shutdown()


def lengths(caplog):
    """Return the queue lengths that were logged."""
    found = [
        re.search(r"(\d+) (?:calls|requests) wait in the queue", text) for text in caplog.messages
    ]
    return [int(match[1]) for match in found if match]


# --- The pool by itself ---------------------------------------------------------------------------


def test_the_warning_says_what_is_wrong_and_what_to_do(busy, caplog):
    busy().submit(int)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        "All 1 executor threads are busy, 1 calls wait in the queue: make slow views coroutines,"
        " or raise aiopyramid.executor.max_workers"
    )


def test_the_warning_has_the_length_of_the_queue(busy, caplog, monkeypatch):
    monkeypatch.setattr(_executors, "_WARNING_INTERVAL_SECONDS", 0)
    pool = busy()
    for _ in range(3):
        pool.submit(int)
    assert lengths(caplog) == [1, 2, 3]


def test_within_a_second_there_is_one_warning(busy, caplog):
    pool = busy()
    for _ in range(1000):
        pool.submit(int)
    assert lengths(caplog)[0] == 1
    assert len(lengths(caplog)) < 10  # a very slow machine may take some seconds for this


def test_a_second_later_there_is_another_one(busy, caplog):
    pool = busy()
    pool.submit(int)
    pool._warned_at -= 1.0  # a second passes
    pool.submit(int)
    assert lengths(caplog) == [1, 2]


def test_a_call_that_was_cancelled_does_not_wait_any_more(busy, caplog, monkeypatch):
    monkeypatch.setattr(_executors, "_WARNING_INTERVAL_SECONDS", 0)
    pool = busy()
    for _ in range(3):
        assert pool.submit(int).cancel()
    assert lengths(caplog) == [1, 1, 1]


def test_a_call_that_has_failed_is_not_busy_any_more(caplog):
    def fail():
        raise LookupError

    with RequestExecutor(1) as pool:
        for _ in range(3):
            with pytest.raises(LookupError):
                pool.submit(fail).result(PATIENCE_SECONDS)
    assert lengths(caplog) == []


def test_it_counts_right_when_many_threads_submit(caplog):
    with RequestExecutor(4) as pool, ThreadPoolExecutor(8) as clients:

        def submit(_):
            return [pool.submit(abs, -1).result(PATIENCE_SECONDS) for _ in range(50)]

        assert list(clients.map(submit, range(8))) == [[1] * 50] * 8
    assert pool._unfinished == 0


def test_its_threads_have_the_name_of_the_project():
    with RequestExecutor(1) as pool:
        name = pool.submit(lambda: threading.current_thread().name).result(PATIENCE_SECONDS)
    assert name == "aiopyramid_0"


# --- In an application ----------------------------------------------------------------------------


def blocking(config):
    """Configure a view that blocks until as many run at once as the test waits for."""
    registry = config.registry
    registry["running"] = registry["most"] = 0
    registry["lock"], registry["release"] = threading.Lock(), threading.Event()

    def view(request):
        with registry["lock"]:
            registry["running"] += 1
            registry["most"] = max(registry["most"], registry["running"])
        registry["release"].wait(PATIENCE_SECONDS)
        with registry["lock"]:
            registry["running"] -= 1
        return Response(threading.current_thread().name)

    config.add_view(view)


def configured(configure, **settings):
    config = Configurator(settings=settings)
    config.include("aiopyramid_core")
    configure(config)
    return config.make_wsgi_app()


async def answers(app, fetch, requests, at_once):
    """Send requests; when ``at_once`` of them run, let all end, and return their texts."""
    tasks = [asyncio.create_task(fetch(app)) for _ in range(requests)]
    async with asyncio.timeout(PATIENCE_SECONDS):
        while app.registry["running"] < at_once:
            await asyncio.sleep(0.001)
        app.registry["release"].set()
        return [(await task).text for task in tasks]


@pytest.fixture(autouse=True)
def limit_of_the_process(monkeypatch):
    """Leave the process's pool, and what is known of its loop, as they were."""
    monkeypatch.setattr(request_threads(), "limit", 40)
    monkeypatch.setattr(request_threads(), "_warned_at", float("-inf"))
    monkeypatch.setattr(_process_loop, "_current", _process_loop._ProcessLoop([]))


def test_the_setting_limits_the_threads_and_requests_queue(run, fetch, caplog):
    app = configured(blocking, **{"aiopyramid.executor.max_workers": "2"})

    async def main():
        await lifespan_of(app.registry).start()
        return await answers(app, fetch, requests=5, at_once=2)

    assert len(set(run(main))) == 2
    assert app.registry["most"] == 2
    assert lengths(caplog)[0] == 1


def test_an_executor_that_the_applications_constructor_sets_says_how_many(run, fetch):
    async def main():
        # As a server does, before the application is made.
        adopt_loop(asyncio.get_running_loop())
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2))
        app = configured(blocking)
        await lifespan_of(app.registry).start()
        return app, await answers(app, fetch, requests=5, at_once=2)

    app, texts = run(main)
    assert len(set(texts)) == 2
    assert app.registry["most"] == 2


def test_the_setting_is_stronger_than_the_constructor(run, fetch):
    async def main():
        adopt_loop(asyncio.get_running_loop())
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2))
        app = configured(blocking, **{"aiopyramid.executor.max_workers": "1"})
        await lifespan_of(app.registry).start()
        return app, await answers(app, fetch, requests=2, at_once=1)

    app, texts = run(main)
    assert len(set(texts)) == 1
    assert app.registry["most"] == 1


def test_coroutine_views_need_no_thread(run, fetch):
    async def view(request):
        return Response("at once")

    def configure(config):
        blocking(config)
        config.add_view(view, name="coroutine")

    app = configured(configure, **{"aiopyramid.executor.max_workers": "1"})

    async def main():
        await lifespan_of(app.registry).start()
        blocked = asyncio.create_task(fetch(app))
        while not app.registry["running"]:
            await asyncio.sleep(0.001)
        text = (await fetch(app, "/coroutine")).text
        still_blocked = not blocked.done()
        app.registry["release"].set()
        await blocked
        return text, still_blocked

    assert run(main) == ("at once", True)
