"""watchdog: what blocks the event loop is named."""

import asyncio
import logging
import selectors
import threading
import time
from pathlib import Path

import pytest
from pyramid.config import Configurator
from pyramid.response import Response

from aiopyramid_core import await_
from aiopyramid_core.lifespan import lifespan_of
from aiopyramid_core.watchdog import _FRAMEWORK, Watchdog

LIMIT = 0.1
PATIENCE_SECONDS = 20


def block():
    """Block until the watchdog had every occasion to notice, however busy the machine is."""
    time.sleep(LIMIT * 10)


async def blocking_view(request):
    await asyncio.sleep(0)
    block()
    return Response("blocked")


async def innocent_view(request):
    await asyncio.sleep(0)
    return Response("innocent")


def blocking_tween_factory(handler, registry):
    def blocking_tween(request):
        block()
        return handler(request)

    return blocking_tween


def innocent_tween_factory(handler, registry):
    def innocent_tween(request):
        return handler(request)

    return innocent_tween


def blocking_root_factory(request):
    block()


@pytest.fixture
def reports(run, fetch, caplog):
    """Have a watched application serve requests at once, and return what the log says then."""

    def reports(configure, path="/", limit=LIMIT, requests=1):
        async def main():
            config = Configurator(settings={"aiopyramid.debug_blocking": str(limit)})
            config.include("aiopyramid_core")
            configure(config)
            lifespan = lifespan_of(config.registry)
            app = config.make_wsgi_app()
            await lifespan.start()
            try:
                tasks = [asyncio.create_task(fetch(app, path)) for _ in range(requests)]
                await asyncio.gather(*tasks)
            finally:
                watchdogs = [t for t in threading.enumerate() if t.name == "aiopyramid-watchdog"]
                await lifespan.stop()
            for thread in watchdogs:
                await asyncio.to_thread(thread.join, PATIENCE_SECONDS)
                assert not thread.is_alive()

        run(main)
        return [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]

    return reports


def test_a_coroutine_view_that_blocks_is_named_with_its_stack(reports):
    (report,) = reports(lambda config: config.add_view(blocking_view))
    first, *stack = report.splitlines()
    assert first.startswith(
        "The event loop has been blocked for more than 0.1 seconds (aiopyramid.debug_blocking)"
        f" by {__name__}.blocking_view ({__file__}:"
    )
    assert "time.sleep(LIMIT * 10)" in stack[-1]
    assert any(line.endswith("in blocking_view") for line in stack)


def test_the_request_is_named_by_its_path(reports):
    (report,) = reports(lambda config: config.add_view(blocking_view, name="prices"), "/prices")
    assert "(GET /prices, path '/prices')" in report


def test_and_by_its_route(reports):
    def configure(config):
        config.add_route("share", "/shares/{name}")
        config.add_view(blocking_view, route_name="share")

    (report,) = reports(configure, "/shares/abc")
    assert "(GET /shares/abc, route 'share')" in report


def test_a_tween_that_blocks_is_named(reports):
    def configure(config):
        config.add_tween(f"{__name__}.blocking_tween_factory")
        config.add_view(innocent_view)

    (report,) = reports(configure)
    assert f" by {__name__}.blocking_tween_factory.<locals>.blocking_tween (" in report


def locking_tween_factory(handler, registry):
    lock = threading.Lock()

    def locking_tween(request):
        if lock.acquire(timeout=LIMIT * 10):  # as "with lock", which would wait forever
            await_(asyncio.sleep(LIMIT / 10))
            lock.release()
        return handler(request)

    return locking_tween


def test_so_is_one_that_takes_the_lock_of_a_request_which_waits(reports):
    def configure(config):
        config.add_tween(f"{__name__}.locking_tween_factory")
        config.add_view(innocent_view)

    report, *_ = reports(configure, requests=2)
    assert f" by {__name__}.locking_tween_factory.<locals>.locking_tween (" in report
    assert "if lock.acquire(timeout=LIMIT * 10):" in report.splitlines()[-1]


def test_a_root_factory_that_blocks_is_named(reports):
    def configure(config):
        config.set_root_factory(blocking_root_factory)
        config.add_view(innocent_view)

    (report,) = reports(configure)
    assert f" by {__name__}.blocking_root_factory (" in report


def test_the_view_is_named_and_not_a_tween_above_it(reports):
    def configure(config):
        config.add_tween(f"{__name__}.innocent_tween_factory")
        config.add_view(blocking_view)

    (report,) = reports(configure)
    assert f" by {__name__}.blocking_view (" in report


def test_the_view_is_named_and_not_a_decorator_above_it(reports):
    def decorator(view):
        return lambda context, request: view(context, request)

    (report,) = reports(lambda config: config.add_view(blocking_view, decorator=decorator))
    assert f" by {__name__}.blocking_view (" in report


def test_a_task_that_blocks_is_named(reports):
    async def blocking_task():
        block()

    async def view(request):
        await asyncio.create_task(blocking_task())
        return Response("blocked")

    (report,) = reports(lambda config: config.add_view(view))
    first, *stack = report.splitlines()
    assert f"({__file__}:" in first
    assert any(line.endswith("in blocking_task") for line in stack)


# The limit of the next two is such that a busy machine does not hold the loop up for so long.


def test_a_synchronous_view_may_block(reports):
    def view(request):
        time.sleep(1.2)
        return Response("in a thread")

    assert reports(lambda config: config.add_view(view), limit=1) == []


def test_a_long_wait_is_not_a_block(reports):
    async def view(request):
        await asyncio.sleep(1.2)
        return Response("waited")

    assert reports(lambda config: config.add_view(view), limit=1) == []


def test_two_blocks_are_two_reports(run, caplog):
    async def main():
        watchdog = Watchdog(LIMIT)
        watchdog.start()
        for count in (1, 2):
            block()
            assert len(caplog.messages) == count
            await asyncio.sleep(0.01)  # the loop is free, so that the watchdog gets its answer
        watchdog.stop()

    run(main)


def test_a_function_gets_each_block_when_it_has_ended(run, caplog):
    blocks = []
    noticed = threading.Event()

    def note(block):
        blocks.append(block)
        noticed.set()

    async def main():
        watchdog = Watchdog(LIMIT, note)
        watchdog.start()
        block()
        await asyncio.to_thread(noticed.wait, PATIENCE_SECONDS)
        watchdog.stop()

    run(main)
    (only,) = blocks
    assert "in block\n" in only.stack
    assert f"({__file__}:" in only.culprit
    assert LIMIT < only.ended_at - only.began_at < PATIENCE_SECONDS
    assert caplog.messages == []


def test_a_loop_that_waits_for_its_turn_is_not_called_blocked(run, caplog, monkeypatch):
    async def main():
        # As if the machine had no time for the loop.
        monkeypatch.setattr(asyncio.get_running_loop(), "call_soon_threadsafe", lambda *args: None)
        watchdog = Watchdog(LIMIT)
        watchdog.start()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not caplog.records:
                await asyncio.sleep(LIMIT * 2)
        watchdog.stop()

    run(main)
    assert caplog.messages == [
        "The event loop has been delayed for more than 0.1 seconds (aiopyramid.debug_blocking), but"
        " no function on it blocks: a thread computes, or the machine is busy"
    ]


def test_the_loop_of_a_function_that_selects_is_blocked(run, caplog):
    def wait():
        with selectors.DefaultSelector() as selector:
            selector.select(LIMIT * 10)

    async def main():
        watchdog = Watchdog(LIMIT)
        watchdog.start()
        wait()
        watchdog.stop()

    run(main)
    (report,) = caplog.messages
    assert "in wait\n" in report
    assert "Make it await" in report


def test_it_ends_with_its_loop(run):
    async def main():
        watchdog = Watchdog(LIMIT)
        watchdog.start()
        return watchdog._thread

    thread = run(main)
    thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()


def test_it_does_not_keep_the_process_alive(run):
    async def main():
        return Watchdog(LIMIT)._thread.daemon

    assert run(main) is True


def test_without_the_setting_nothing_is_watched(run, application):
    async def main():
        app = application(lambda config: None)
        before = set(threading.enumerate())  # those of other tests may still be ending
        await lifespan_of(app.registry).start()
        names = [thread.name for thread in {*threading.enumerate()} - before]
        return [name for name in names if name == "aiopyramid-watchdog"]

    assert run(main) == []


def test_all_packages_of_the_project_are_known():
    folder = Path(__file__).parents[2]
    packages = {path.name.replace("-", "_") for path in folder.glob("aiopyramid-*")}
    assert {"aiopyramid", "pyramid", *packages} <= _FRAMEWORK
