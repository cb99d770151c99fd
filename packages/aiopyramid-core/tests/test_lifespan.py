"""lifespan: startup and shutdown functions. Background tasks: test_spawn.py."""

import asyncio
import logging
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

import pytest
from pyramid.response import Response
from pyramid.threadlocal import get_current_registry, get_current_request
from webob import Request

from aiopyramid_core import StartupError, synchronize
from aiopyramid_core.lifespan import lifespan_of

colour: ContextVar[str] = ContextVar("colour", default="none")


@synchronize
async def pause():
    await asyncio.sleep(0)


def hook(log, text, *, fails=False):
    async def function(registry):
        await asyncio.sleep(0)
        log.append(text)
        if fails:
            raise ValueError(f"{text} is broken")

    function.__qualname__ = text
    return function


def cycle(app):
    """Start and stop an application, as a server does."""

    async def main():
        await lifespan_of(app.registry).start()
        await lifespan_of(app.registry).stop()

    return main


# --- What is called, and how ----------------------------------------------------------------------


def test_startup_is_in_order_and_shutdown_in_the_opposite_one(run, application):
    log = []

    def configure(config):
        for name in ("first", "second"):
            config.add_startup(hook(log, f"{name} up"))
            config.add_shutdown(hook(log, f"{name} down"))

    run(cycle(application(configure)))
    assert log == ["first up", "second up", "second down", "first down"]


def test_the_functions_may_be_synchronous_ones(run, application):
    log = []

    def configure(config):
        config.add_startup(lambda registry: log.append("up"))
        config.add_shutdown(lambda registry: log.append("down"))

    run(cycle(application(configure)))
    assert log == ["up", "down"]


@pytest.mark.parametrize("kind", ["coroutine", "ordinary"])
def test_they_may_call_synchronous_code_that_calls_coroutines(run, application, kind):
    log = []

    def ordinary(registry):
        pause()
        log.append("waited")

    async def coroutine(registry):
        ordinary(registry)

    def configure(config):
        function = coroutine if kind == "coroutine" else ordinary
        config.add_startup(function)
        config.add_shutdown(function)

    run(cycle(application(configure)))
    assert log == ["waited", "waited"]


def test_they_run_on_the_loop_that_serves(run, application, fetch):
    async def start(registry):
        registry["loop"] = asyncio.get_running_loop()

    async def view(request):
        return Response(str(request.registry["loop"] is asyncio.get_running_loop()))

    def configure(config):
        config.add_startup(start)
        config.add_view(view)

    async def main():
        return (await fetch(application(configure))).text

    assert run(main) == "True"


def test_they_may_be_given_by_their_dotted_names(run, application):
    log = []
    global dotted

    def dotted(registry):
        log.append("called")

    run(cycle(application(lambda config: config.add_startup(f"{__name__}.dotted"))))
    assert log == ["called"]


def test_they_get_the_registry_of_their_application(run, application):
    seen = []
    app = application(lambda config: config.add_startup(seen.append))
    run(cycle(app))
    # The very same: what is registered by it, or looked up in a dictionary, has to be found.
    assert seen[0] is app.registry


def test_pyramids_thread_locals_are_there_without_a_request(run, application):
    seen = []

    async def note(registry):
        await asyncio.sleep(0)
        seen.append((get_current_registry()["name"], get_current_request()))

    def configure(config):
        config.registry["name"] = "this application"
        config.add_startup(note)
        config.add_shutdown(note)

    run(cycle(application(configure)))
    assert seen == [("this application", None)] * 2


# --- Once, and before the first request -----------------------------------------------------------


@pytest.mark.parametrize("server", ["greenlets", "threads"])
def test_they_see_nothing_of_the_request_that_comes_first(run, application, fetch, server):
    seen = []

    async def up(registry):
        seen.append(colour.get())

    def configure(config):
        config.add_startup(up)
        config.add_view(lambda request: Response("served"))

    async def main():
        app = application(configure)
        colour.set("red")
        if server == "greenlets":
            await fetch(app)
        else:
            await asyncio.to_thread(Request.blank("/").get_response, app)

    run(main)
    assert seen == ["none"]


def slow_start(config):
    """Configure an application whose start takes until ``registry["go on"]`` is set."""
    registry = config.registry
    registry["starts"] = []

    async def start(registry):
        registry["starts"].append(threading.get_ident())
        await asyncio.to_thread(registry["go on"].wait, 30)
        registry["pool"] = "connected"

    async def view(request):
        return Response(request.registry["pool"])

    registry["go on"] = threading.Event()
    config.add_startup(start)
    config.add_view(view)


def test_requests_that_come_during_the_start_wait_for_it_and_it_runs_once(run, application, fetch):
    async def main():
        app = application(slow_start)
        tasks = [asyncio.create_task(fetch(app)) for _ in range(5)]
        while not app.registry["starts"]:
            await asyncio.sleep(0)
        assert not any(task.done() for task in tasks)
        app.registry["go on"].set()
        return [(await task).text for task in tasks], len(app.registry["starts"])

    assert run(main) == (["connected"] * 5, 1)


def test_under_a_server_with_threads_it_runs_once_for_all_of_them(application):
    app = application(slow_start)
    barrier = threading.Barrier(6, timeout=30)

    def request():
        barrier.wait()
        return Request.blank("/").get_response(app).text

    with ThreadPoolExecutor(5) as pool:
        futures = [pool.submit(request) for _ in range(5)]
        barrier.wait()
        app.registry["go on"].set()
        assert [future.result() for future in futures] == ["connected"] * 5
    assert len(app.registry["starts"]) == 1


def test_an_application_that_the_server_has_started_is_not_started_by_a_request(
    run, application, fetch
):
    log = []

    async def view(request):
        return Response("served")

    def configure(config):
        config.add_startup(hook(log, "up"))
        config.add_view(view)

    async def main():
        app = application(configure)
        await lifespan_of(app.registry).start()
        await lifespan_of(app.registry).start()
        await fetch(app)

    run(main)
    assert log == ["up"]


# --- Failures -------------------------------------------------------------------------------------


def test_a_failing_start_names_the_function_and_calls_no_further_ones(run, application):
    log = []

    def configure(config):
        config.add_startup(hook(log, "first"))
        config.add_startup(hook(log, "second", fails=True))
        config.add_startup(hook(log, "third"))

    with pytest.raises(StartupError) as caught:
        run(cycle(application(configure)))
    assert str(caught.value) == (
        "The startup function second has failed: ValueError: second is broken"
    )
    assert repr(caught.value.__cause__) == "ValueError('second is broken')"
    assert log == ["first", "second"]


@pytest.fixture
def broken(application):
    """An application that cannot start."""

    def configure(config):
        config.add_startup(hook([], "connect", fails=True))
        config.add_shutdown(hook(log, "disconnect"))
        config.add_view(lambda request: Response("served"))

    log = []
    app = application(configure)
    app.registry["log"] = log
    return app


def test_an_application_that_cannot_start_answers_no_request(run, fetch, broken):
    async def main():
        for _ in range(2):
            with pytest.raises(StartupError, match="connect is broken"):
                await fetch(broken)

    run(main)


def test_nor_does_it_under_a_server_with_threads(broken):
    for _ in range(2):
        with pytest.raises(StartupError, match="connect is broken"):
            Request.blank("/").get_response(broken)


def test_the_error_does_not_grow_with_each_request(broken):
    lengths = []
    for _ in range(3):
        with pytest.raises(StartupError) as caught:
            Request.blank("/").get_response(broken)
        lengths.append(len(list(traceback.walk_tb(caught.value.__traceback__))))
    # The first request is the one that has started the application; the others are alike.
    assert lengths[1] == lengths[2]


def test_an_application_that_could_not_start_is_not_shut_down(run, broken):
    async def main():
        with pytest.raises(StartupError):
            await lifespan_of(broken.registry).start()
        await lifespan_of(broken.registry).stop()

    run(main)
    assert broken.registry["log"] == []


def test_what_runs_until_the_end_can_tell_that_it_has_come(run, application):
    seen = []

    def configure(config):
        def note(registry):
            seen.append(lifespan_of(registry).is_stopping)

        config.add_startup(note)
        config.add_shutdown(note)

    run(cycle(application(configure)))
    assert seen == [False, True]


@pytest.mark.parametrize("is_announced", [True, False])
def test_stopping_functions_run_when_the_stop_begins(run, application, is_announced):
    log = []

    def configure(config):
        config.add_stopping(hook(log, "first stopping"))
        config.add_stopping(lambda registry: log.append("second stopping"))
        config.add_shutdown(hook(log, "down"))

    app = application(configure)

    async def main():
        lifespan = lifespan_of(app.registry)
        await lifespan.start()
        if is_announced:
            lifespan.announce_stop()
            lifespan.announce_stop()
            for _ in range(5):
                await asyncio.sleep(0)
            log.append("a request ends")
        await lifespan.stop()

    run(main)
    between = ["a request ends"] if is_announced else []
    assert log == ["first stopping", "second stopping", *between, "down"]


def test_a_stopping_function_that_fails_is_logged_and_the_others_run(run, application, caplog):
    log = []

    def configure(config):
        config.add_stopping(hook(log, "first", fails=True))
        config.add_stopping(hook(log, "second"))

    run(cycle(application(configure)))
    assert log == ["first", "second"]
    (record,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert record.message == "The stopping function first has failed"
    assert str(record.exc_info[1]) == "first is broken"


def test_an_application_that_never_served_has_nothing_to_stop(run, application):
    log = []
    app = application(lambda config: config.add_stopping(hook(log, "stopping")))
    run(lifespan_of(app.registry).stop)
    assert log == []


def test_a_failing_shutdown_function_is_logged_and_the_others_run(run, application, caplog):
    log = []

    def configure(config):
        config.add_shutdown(hook(log, "first"))
        config.add_shutdown(hook(log, "second", fails=True))
        config.add_shutdown(hook(log, "third"))

    run(cycle(application(configure)))
    assert log == ["third", "second", "first"]
    (record,) = [r for r in caplog.records if r.levelno >= logging.WARNING]
    assert record.getMessage() == "The shutdown function second has failed"
    assert repr(record.exc_info[1]) == "ValueError('second is broken')"
