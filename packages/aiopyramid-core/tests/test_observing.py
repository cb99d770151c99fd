"""observing: observers are told what requests, threads, Tasks and event streams do."""

import asyncio
import logging
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from pyramid.response import Response
from webob import Request

from aiopyramid_core import await_, call_in_thread, spawn, spawn_greenlet, synchronize
from aiopyramid_core.observing import (
    Observer,
    add_observer,
    current_observer,
    current_thread_call,
    explain_placement,
    frames_below,
    observe_tasks,
    remove_observer,
)
from aiopyramid_core.streaming import EventChannel, EventStreamResponse


class Recorder(Observer):
    """Remembers what it is told, as the method's name and the arguments."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def names(self) -> list[str]:
        return [name for name, *_ in self.told]

    def all(self, name: str) -> list[Any]:
        return [each[1] for each in self.told if each[0] == name]

    def tasks(self) -> list[Any]:
        """Return the tasks of this file, and not those in which the event loop ends."""
        tasks = [each for each in self.told if each[0] == "task_began"]
        return [
            each for each in tasks if each[2].__name__ in ("child", "fail", "cleaned_up", "inner")
        ]


def _recording(name: str) -> Any:
    def method(self: Recorder, *args: Any, **kwargs: Any) -> None:
        self.told.append((name, *args, *kwargs.values()))

    method.__name__ = name
    return method


METHODS = [name for name in vars(Observer) if not name.startswith("_")]
for each_name in METHODS:
    setattr(Recorder, each_name, _recording(each_name))


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    add_observer(recorder)
    yield recorder
    remove_observer(recorder)


# --- Observers ------------------------------------------------------------------------------------


def test_without_an_observer_there_is_none():
    assert current_observer() is None


def test_several_observers_are_told_and_the_last_one_that_goes_leaves_none():
    one, two = Recorder(), Recorder()
    add_observer(one)
    add_observer(two)
    add_observer(two)
    current_observer().task_ended("task")
    remove_observer(one)
    current_observer().task_ended("other")
    remove_observer(two)
    remove_observer(two)
    assert one.told == [("task_ended", "task")]
    assert two.told == [("task_ended", "task"), ("task_ended", "other")]
    assert current_observer() is None


class Failing(Observer):
    def request_began(self, request: Any, *, on_loop: bool) -> None:
        raise ValueError("a mistake of the observer")


def test_the_failure_of_an_observer_is_logged_once_and_affects_nothing(
    run, application, fetch, recorder, caplog
):
    async def view(request):
        return Response("as usual")

    async def main():
        app = application(lambda config: config.add_view(view))
        return [(await fetch(app)).text for _ in range(2)]

    failing = Failing()
    add_observer(failing)
    try:
        assert run(main) == ["as usual"] * 2
    finally:
        remove_observer(failing)
    assert recorder.names().count("request_ended") == 2
    logged = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(logged) <= 1  # the second loop's run of this test finds it logged


# --- Requests -------------------------------------------------------------------------------------


def test_a_request_begins_and_ends_with_its_response(run, application, fetch, recorder):
    async def view(request):
        return Response("done", status=201)

    async def main():
        await fetch(application(lambda config: config.add_view(view)))

    run(main)
    (_, began, on_loop), (_, ended, response) = [
        each for each in recorder.told if each[0].startswith("request")
    ]
    assert began is ended
    assert began.path == "/"
    assert on_loop is True
    assert response.status_code == 201


def test_a_request_that_raises_ends_without_a_response(run, application, fetch, recorder):
    async def view(request):
        raise KeyError("no such thing")

    async def main():
        await fetch(application(lambda config: config.add_view(view)))

    with pytest.raises(KeyError):
        run(main)
    assert recorder.told[-1][0] == "request_ended"
    assert recorder.told[-1][2] is None


def test_a_synchronous_request_is_told_in_its_thread(run, application, fetch, recorder):
    seen = []

    def view(request):
        call = current_thread_call.get()
        seen.append((call.is_request, call.thread_name, threading.current_thread().name))
        return Response("done")

    async def main():
        await fetch(application(lambda config: config.add_view(view)))

    run(main)
    ((is_request, told_name, name),) = seen
    assert is_request
    assert told_name == name
    assert recorder.told[0][0] == "call_queued"
    assert ("request_began", False) in [(each[0], each[-1]) for each in recorder.told]
    (call,) = recorder.all("call_ended")
    assert call.queued_at <= call.began_at <= call.ended_at


@pytest.mark.parametrize(
    ("kind", "setting", "reason"),
    [
        ("coroutine", "auto", "route 'page': the view is a coroutine"),
        ("synchronous", "auto", "route 'page': the view is synchronous"),
        ("coroutine", "loop", "aiopyramid.requests = loop"),
        ("both", "auto", "route 'page': some of its views are synchronous"),
        ("none", "auto", "neither a route nor a view for it"),
    ],
)
def test_the_reason_why_a_request_runs_where_it_does(kind, setting, reason):
    from pyramid.config import Configurator

    reasons = []

    class Reasons(Observer):
        def request_ended(self, request: Any, response: Any) -> None:
            reasons.append(explain_placement(request))

    async def coroutine_view(request):
        return Response("done")

    def synchronous_view(request):
        return Response("done")

    async def main():
        config = Configurator(settings={"aiopyramid.requests": setting})
        config.include("aiopyramid_core")
        config.add_route("page", "/page")
        if kind in ("coroutine", "both"):
            config.add_view(coroutine_view, route_name="page")
        if kind in ("synchronous", "both"):
            config.add_view(synchronous_view, route_name="page", request_method="POST")
            config.add_view(synchronous_view, route_name="page", request_method="PUT")
        method = "POST" if kind == "synchronous" else "GET"
        await spawn_greenlet(
            Request.blank("/page", method=method).get_response, config.make_wsgi_app()
        )

    observer = Reasons()
    add_observer(observer)
    try:
        asyncio.run(main())
    finally:
        remove_observer(observer)
    if kind == "synchronous":
        reason = "route 'page': all views are synchronous"
    assert reasons == [reason]


def test_a_server_with_threads_is_the_reason_itself(application, recorder):
    reasons = []

    class Reasons(Observer):
        def request_ended(self, request: Any, response: Any) -> None:
            reasons.append(explain_placement(request))

    async def view(request):
        return Response("done")

    observer = Reasons()
    add_observer(observer)
    app = application(lambda config: config.add_view(view))
    try:
        Request.blank("/").get_response(app)  # in a thread that knows no event loop
    finally:
        remove_observer(observer)
    assert reasons == ["the server calls the application in a thread"]


# --- Waits ----------------------------------------------------------------------------------------


async def inner():
    await asyncio.sleep(0.001)


def names_of_frames(coroutine):
    return [frame.f_code.co_name for frame in frames_below(coroutine)]


class Waits(Observer):
    """Remembers, for each wait, the names of the functions that wait."""

    def __init__(self) -> None:
        self.began: list[list[str]] = []
        self.ended = 0

    def wait_began(self, coroutine: Any) -> None:
        self.began.append(names_of_frames(coroutine))

    def wait_ended(self, coroutine: Any) -> None:
        self.ended += 1


@pytest.fixture
def waits() -> Iterator[Waits]:
    waits = Waits()
    add_observer(waits)
    yield waits
    remove_observer(waits)


def test_each_suspension_is_told_with_the_coroutines_that_wait(run, waits):
    async def view():
        await inner()
        await inner()

    async def main():
        await spawn_greenlet(await_, view())

    run(main)
    assert waits.began == [["view", "inner", "sleep"]] * 2
    assert waits.ended == 2


def test_a_ready_coroutine_does_not_wait(run, waits):
    async def ready():
        return 1

    async def main():
        await spawn_greenlet(await_, ready())

    run(main)
    assert waits.began == []


def test_a_wait_that_is_cancelled_ends(run, waits):
    async def main():
        task = asyncio.create_task(spawn_greenlet(await_, asyncio.sleep(3600)))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait((task,))

    run(main)
    assert len(waits.began) == waits.ended == 1


def test_a_wait_shows_the_code_that_waits_through_synchronous_code(run):
    callers = []

    class Callers(Observer):
        def wait_began(self, coroutine: Any) -> None:
            frame = sys._getframe()
            while frame is not None:
                callers.append(frame.f_code.co_name)
                frame = frame.f_back

    def library():
        await_(inner())

    async def view():
        library()

    async def main():
        await spawn_greenlet(await_, view())

    observer = Callers()
    add_observer(observer)
    try:
        run(main)
    finally:
        remove_observer(observer)
    assert callers.index("library") < callers.index("view")


def test_a_thread_that_waits_is_told(run, recorder):
    def in_thread():
        await_(inner())

    async def main():
        await call_in_thread(None, in_thread)

    run(main)
    names = recorder.names()
    assert names.index("thread_wait_began") < names.index("wait_began")
    assert names.index("wait_ended") < names.index("thread_wait_ended")


# --- Calls in threads -----------------------------------------------------------------------------


def test_a_call_in_a_thread_is_queued_begins_and_ends(run, recorder):
    threads = []

    def work(number):
        assert current_thread_call.get().function is work
        threads.append(threading.current_thread().name)
        return number + 1

    async def main():
        result = await call_in_thread(None, work, 1)
        assert current_thread_call.get() is None
        return result

    assert run(main) == 2
    assert recorder.names() == ["call_queued", "call_began", "call_ended"]
    (call,) = set(recorder.all("call_ended"))
    assert call.function is work
    assert [call.thread_name] == threads
    assert not call.is_request
    assert call.queued_at <= call.began_at <= call.ended_at


def test_one_that_raises_ends_all_the_same(run, recorder):
    async def main():
        with pytest.raises(ZeroDivisionError):
            await call_in_thread(None, lambda: 1 / 0)

    run(main)
    assert recorder.names() == ["call_queued", "call_began", "call_ended"]


# --- Tasks ----------------------------------------------------------------------------------------


def test_tasks_and_their_waits_are_told(run, waits, recorder):
    async def child():
        await inner()
        return 5

    async def main():
        observe_tasks(asyncio.get_running_loop())
        observe_tasks(asyncio.get_running_loop())
        task = asyncio.create_task(child(), name="the child")
        assert "child" in repr(task)
        return await task

    assert run(main) == 5
    assert waits.began == [["child", "inner", "sleep"]]
    assert waits.ended == 1
    ((_, began, coroutine),) = recorder.tasks()
    assert began.get_name() == "the child"
    assert coroutine.__name__ == "child"
    assert began in recorder.all("task_ended")


def test_a_task_that_fails_or_is_cancelled_is_as_without_an_observer(run, recorder):
    async def fail():
        await inner()
        raise KeyError("failed")

    async def cleaned_up():
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            await inner()
            return "cleaned up"

    async def main():
        observe_tasks(asyncio.get_running_loop())
        with pytest.raises(KeyError):
            await asyncio.create_task(fail())
        task = asyncio.create_task(cleaned_up())
        await asyncio.sleep(0)
        task.cancel()
        assert await task == "cleaned up"
        never_begun = asyncio.create_task(inner())
        never_begun.cancel()
        with pytest.raises(asyncio.CancelledError):
            await never_begun

    run(main)
    assert {task for _, task, _ in recorder.tasks()} <= set(recorder.all("task_ended"))
    assert len(recorder.tasks()) == 3
    assert recorder.names().count("wait_began") == recorder.names().count("wait_ended")


def test_a_loop_without_observers_makes_tasks_as_before(run):
    async def main():
        observe_tasks(asyncio.get_running_loop())
        task = asyncio.create_task(inner())
        kind = type(task.get_coro()).__name__
        await task
        return kind

    assert run(main) == "coroutine"


def test_synchronous_code_may_wait_in_observed_tasks_too(run, recorder):
    from aiopyramid_core._bridge.tasks import let_tasks_wait

    @synchronize
    async def synchronized():
        await inner()
        return "waited"

    async def child():
        return synchronized()

    async def request():
        return await asyncio.gather(child(), child())

    async def main():
        loop = asyncio.get_running_loop()
        let_tasks_wait(loop)
        observe_tasks(loop)
        return await spawn_greenlet(await_, request())

    assert run(main) == ["waited", "waited"]


def test_the_frames_of_a_background_task_lead_to_its_own_coroutine(run, application, fetch, waits):
    async def background():
        await inner()

    async def view(request):
        observe_tasks(asyncio.get_running_loop())
        await spawn(background())
        return Response("done")

    async def main():
        await fetch(application(lambda config: config.add_view(view)))

    run(main)
    assert any(frames[-3:] == ["background", "inner", "sleep"] for frames in waits.began)


# --- Event streams --------------------------------------------------------------------------------


def streamed(run, application, make_response, path="/events"):
    async def view(request):
        return make_response()

    async def main():
        config_app = application(
            lambda config: (
                config.add_route("events", "/events"),
                config.add_view(view, route_name="events"),
            )
        )

        async def serve():
            response = await spawn_greenlet(Request.blank(path).get_response, config_app)
            iterator = response.app_iter
            parts = [part async for part in iterator]
            await iterator.aclose()
            await iterator.aclose()
            return b"".join(parts)

        return await serve()

    return run(main)


def test_an_event_stream_is_counted_from_its_opening_to_its_end(run, application, recorder):
    async def events():
        yield "one"
        yield "two, of two lines\n"

    body = streamed(run, application, lambda: EventStreamResponse(events()))
    (opened,), (closed,) = recorder.all("connection_opened"), recorder.all("connection_closed")
    assert opened is closed
    assert (opened.kind, opened.name, opened.path) == ("event stream", "events", "/events")
    assert opened.sent_messages == 2
    assert opened.sent_bytes == len(body)
    assert (opened.received_messages, opened.queued, opened.is_slow) == (0, 0, False)


def test_events_that_a_channel_writes_directly_are_counted_and_those_that_wait_shown(
    run, application, recorder
):
    sent = []

    async def view(request):
        channel = EventChannel()
        response = EventStreamResponse(channel)
        request.registry["channel"] = channel
        return response

    async def main():
        app = application(lambda config: config.add_view(view))
        response = await spawn_greenlet(Request.blank("/").get_response, app)
        channel = app.registry["channel"]
        body = response.app_iter
        body.attach(lambda data: sent.append(data) or True)
        channel.put("before")
        (connection,) = recorder.all("connection_opened")
        queued = connection.queued
        await anext(aiter(body))
        waiting = asyncio.create_task(anext(aiter(body)))
        await asyncio.sleep(0)
        channel.put("directly")
        counted = connection.sent_messages, queued, connection.queued
        channel.end()
        with pytest.raises(StopAsyncIteration):
            await waiting
        await body.aclose()
        return counted

    assert run(main) == (2, 1, 0)
    assert sent == [b"data: directly\n\n"]
    assert recorder.names()[-1] == "connection_closed"


def test_a_stream_that_nobody_observes_has_its_own_body(run, application):
    async def events():
        yield "one"

    async def main():
        return type(EventStreamResponse(events()).app_iter)

    assert "Observed" not in run(main).__name__
