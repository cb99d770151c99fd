"""lifespan: background tasks, ``spawn``."""

import asyncio
import inspect
import logging
import threading
from contextvars import ContextVar

import pytest
from pyramid.config import Configurator
from pyramid.response import Response
from pyramid.threadlocal import get_current_request
from webob import Request

from aiopyramid_core import AlreadyShutDown, ScopeError, spawn, synchronize
from aiopyramid_core._bridge.process_loop import process_loop
from aiopyramid_core.lifespan import lifespan_of

colour: ContextVar[str] = ContextVar("colour", default="none")


@synchronize
async def pause():
    await asyncio.sleep(0)


@pytest.fixture
def build():
    """Build an application with one view, and settings given without their prefix."""

    def build(view, **settings):
        prefixed = {f"aiopyramid.{name}": value for name, value in settings.items()}
        config = Configurator(settings=prefixed)
        config.include("aiopyramid_core")
        config.add_view(view)
        return config.make_wsgi_app()

    return build


def spawning(background, **options):
    """Return a view that starts a coroutine function in the background and does not wait."""

    async def view(request):
        spawn(background(), **options)
        return Response("answered")

    return view


@pytest.fixture
def run_and_stop(run, fetch):
    """Answer one request, let a function run, then stop the application."""

    def run_and_stop(app, between=None):
        async def main():
            assert (await fetch(app)).text == "answered"
            if between is not None:
                await between()
            await asyncio.wait_for(lifespan_of(app.registry).stop(), 30)

        run(main)

    return run_and_stop


# --- While the application serves -----------------------------------------------------------------


def test_a_background_task_outlives_its_response(build, run_and_stop):
    log, go_on = [], asyncio.Event()

    async def background():
        log.append("began")
        await go_on.wait()
        log.append("ended")

    async def between():
        while not log:
            await asyncio.sleep(0)
        log.append("answered")
        go_on.set()

    run_and_stop(build(spawning(background)), between)
    assert log == ["began", "answered", "ended"]


def test_it_may_call_synchronous_code_that_calls_coroutines(build, run_and_stop):
    log = []

    async def background():
        pause()
        log.append("waited")

    run_and_stop(build(spawning(background)))
    assert log == ["waited"]


def test_it_sees_the_context_of_its_request_and_changes_nothing_there(build, run, fetch):
    seen = []

    async def background():
        seen.append((colour.get(), get_current_request().path))
        colour.set("blue")
        seen.append(colour.get())

    async def view(request):
        colour.set("red")
        spawn(background())
        while len(seen) < 2:
            await asyncio.sleep(0)
        return Response(colour.get())

    async def main():
        return (await fetch(build(view))).text

    assert run(main) == "red"
    assert seen == [("red", "/"), "blue"]


@pytest.mark.parametrize(("options", "name"), [({}, "background"), ({"name": "mail"}, "mail")])
def test_when_it_fails_the_log_says_so(build, run_and_stop, caplog, options, name):
    async def background():
        raise LookupError("no such address")

    run_and_stop(build(spawning(background, **options)))
    (record,) = [r for r in caplog.records if r.levelno >= logging.WARNING]
    assert record.getMessage().startswith("The background task ")
    assert record.getMessage().endswith(f"{name} has failed")
    assert repr(record.exc_info[1]) == "LookupError('no such address')"


def test_when_it_fails_others_go_on(build, run_and_stop, caplog):
    log = []

    async def fail():
        raise LookupError

    async def succeed():
        await asyncio.sleep(0.01)
        log.append("succeeded")

    async def view(request):
        spawn(fail())
        spawn(succeed())
        return Response("answered")

    run_and_stop(build(view))
    assert log == ["succeeded"]


def test_a_synchronous_view_can_start_one_and_it_runs_on_the_loop(build, run_and_stop):
    seen = []

    async def background():
        seen.append(threading.current_thread())

    def view(request):
        spawn(background())
        return Response("answered")

    async def between():
        while not seen:
            await asyncio.sleep(0.001)

    run_and_stop(build(view), between)
    assert seen == [threading.current_thread()]


@pytest.mark.parametrize("kind", ["coroutine", "ordinary"])
def test_under_a_server_with_threads_it_runs_on_the_loop_of_the_process(build, kind):
    seen, ended = [], threading.Event()

    async def background():
        await asyncio.sleep(0)
        seen.append(threading.current_thread().name)
        ended.set()

    def view(request):
        spawn(background())
        return Response("answered")

    app = build(view if kind == "ordinary" else spawning(background))
    assert Request.blank("/").get_response(app).text == "answered"
    assert ended.wait(30)
    assert seen == ["aiopyramid-loop"]


# --- When it stops --------------------------------------------------------------------------------


def test_the_end_waits_for_background_tasks_before_the_shutdown_functions(run, fetch, application):
    log = []

    async def background():
        await asyncio.sleep(0.05)
        log.append("task ended")

    async def down(registry):
        log.append("down")

    def configure(config):
        config.add_view(spawning(background))
        config.add_shutdown(down)

    async def main():
        app = application(configure)
        await fetch(app)
        await lifespan_of(app.registry).stop()

    run(main)
    assert log == ["task ended", "down"]


def test_the_end_waits_also_for_tasks_that_were_started_in_the_meantime(build, run_and_stop):
    log = []

    async def second():
        await asyncio.sleep(0.05)
        log.append("second ended")

    async def view(request):
        async def first():
            await asyncio.sleep(0.05)
            spawn(second())

        spawn(first())
        return Response("answered")

    run_and_stop(build(view))
    assert log == ["second ended"]


def test_a_task_that_takes_too_long_is_cancelled_and_cleans_up(build, run_and_stop, caplog):
    log = []

    async def background():
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.sleep(0)
            log.append("cleaned up")

    run_and_stop(build(spawning(background, name="poll"), shutdown_timeout="0.05"))
    assert log == ["cleaned up"]
    messages = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert messages == [
        "The background task poll has not ended within 0.05 seconds and is cancelled"
        " (aiopyramid.shutdown_timeout)"
    ]


@pytest.mark.parametrize(("serves_client", "ended"), [(True, True), (False, False)])
def test_a_task_that_serves_a_client_gets_the_servers_time(build, run, serves_client, ended):
    async def main():
        log = []

        async def handle():
            await asyncio.sleep(0.2)
            log.append(True)

        lifespan = lifespan_of(build(spawning(handle), shutdown_timeout="0.01").registry)
        lifespan.spawn(handle(), serves_client=serves_client)
        await lifespan.stop(20)
        return bool(log)

    assert run(main) is ended


def test_a_task_that_is_cancelled_before_its_first_step_leaves_no_coroutine_open(build, run):
    async def main():
        lifespan = lifespan_of(build(lambda config: None).registry)
        lifespan.spawn(coroutine := asyncio.sleep(20))
        await lifespan.stop(0)
        return inspect.getcoroutinestate(coroutine)

    assert run(main) == inspect.CORO_CLOSED


def test_a_task_that_serves_a_client_is_cancelled_when_the_servers_time_is_over(build, run, caplog):
    async def main():
        ended = []

        async def handle():
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                ended.append(True)

        lifespan = lifespan_of(build(spawning(handle), shutdown_timeout="0.01").registry)
        lifespan.spawn(handle(), name="chat", serves_client=True)
        await lifespan.stop(0.02)
        return ended

    assert run(main) == [True]
    assert "The background task chat has not ended within 0.02 seconds" in caplog.text


def test_a_task_that_does_not_let_itself_be_cancelled_holds_the_end_up_but_shortly(
    build, run, fetch, caplog
):
    async def main():
        released = asyncio.Event()

        async def background():
            while not released.is_set():
                try:
                    await released.wait()
                except asyncio.CancelledError:
                    continue

        app = build(spawning(background), shutdown_timeout="0.05")
        await fetch(app)
        await asyncio.wait_for(lifespan_of(app.registry).stop(), 10)
        released.set()
        await asyncio.sleep(0.01)

    run(main)
    assert "is cancelled" in caplog.text


def test_after_the_end_no_task_can_be_started_and_the_coroutine_is_closed(build, run, no_warnings):
    async def background():
        raise AssertionError

    async def main():
        app = build(spawning(background))
        lifespan = lifespan_of(app.registry)
        await lifespan.start()
        await lifespan.stop()
        with pytest.raises(AlreadyShutDown) as caught:
            lifespan.spawn(background())
        return str(caught.value)

    message = run(main)
    assert message.startswith("Cannot start ")
    assert message.endswith("background: the application has shut down")


def test_a_task_that_a_thread_asks_for_just_before_the_end_is_closed_and_the_log_says_so(
    build, no_warnings, caplog
):
    async def background():
        raise AssertionError

    async def main():
        lifespan = lifespan_of(build(spawning(background)).registry)
        await lifespan.start()
        # The loop does not hear of the task before it has stopped the application.
        thread = threading.Thread(target=lifespan.spawn, args=(background(),))
        thread.start()
        thread.join()
        await lifespan.stop()
        await asyncio.sleep(0)

    # Threads of no server use this loop.
    asyncio.run_coroutine_threadsafe(main(), process_loop()).result(30)
    (record,) = caplog.records
    assert record.message.startswith("Cannot start ")
    assert record.message.endswith("background: the application has shut down")


def test_the_end_waits_also_for_an_application_that_has_served_no_request(build, run):
    # In a script, or in pshell.
    ended = []

    async def background():
        await asyncio.sleep(0.01)
        ended.append(True)

    async def main():
        lifespan = lifespan_of(build(spawning(background)).registry)
        lifespan.spawn(background())
        await lifespan.stop()
        return ended

    assert run(main) == [True]


def test_a_task_without_an_end_is_cancelled_when_the_stop_begins(build, run, fetch, caplog):
    ends = []

    async def for_ever():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ends.append("cancelled")
            raise

    app = build(spawning(for_ever, on_stop="cancel"))

    async def main():
        await fetch(app)
        await asyncio.sleep(0)
        lifespan_of(app.registry).announce_stop()
        for _ in range(5):
            await asyncio.sleep(0)
        assert ends == ["cancelled"]
        await lifespan_of(app.registry).stop()

    run(main)
    assert caplog.records == []


def test_any_other_wish_for_the_stop_is_refused(build, run, fetch, no_warnings):
    async def background():
        pass

    async def main():
        with pytest.raises(ValueError, match="on_stop must be 'finish' or 'cancel', got 'kill'"):
            await fetch(build(spawning(background, on_stop="kill")))

    run(main)


def test_the_task_is_returned_on_the_loop_and_not_in_a_thread(build, run, fetch):
    tasks = []

    async def background():
        return "done"

    async def coroutine_view(request):
        tasks.append(spawn(background(), name="mine"))
        assert await tasks[0] == "done"
        return Response()

    def synchronous_view(request):
        tasks.append(spawn(background()))
        return Response()

    async def main():
        for view in (coroutine_view, synchronous_view):
            app = build(view)
            await fetch(app)
            await lifespan_of(app.registry).stop()

    run(main)
    assert tasks[0].get_name() == "mine"
    assert tasks[1] is None


def test_where_there_is_no_application_it_is_refused_and_the_coroutine_is_closed(no_warnings):
    async def send_receipt():
        raise AssertionError

    with pytest.raises(ScopeError, match=r"send_receipt .* an application that includes"):
        spawn(send_receipt())


def test_background_tasks_are_counted_and_so_are_those_that_have_failed(run):
    config = Configurator()
    config.include("aiopyramid_core")
    lifespan = lifespan_of(config.registry)

    async def main():
        gate = asyncio.Event()

        async def fail():
            await gate.wait()
            raise ValueError("failed on purpose")

        tasks = [lifespan.spawn(fail()), lifespan.spawn(gate.wait(), serves_client=True)]
        before = lifespan.background_tasks, lifespan.failed_tasks
        gate.set()
        await asyncio.wait(tasks)
        await asyncio.sleep(0)
        return before, (lifespan.background_tasks, lifespan.failed_tasks)

    assert run(main) == ((1, 0), (0, 1))
