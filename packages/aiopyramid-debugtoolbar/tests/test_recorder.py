"""_recorder: what a request waits for is recorded, with the line of the application."""

import asyncio
import functools
import inspect
import sys
import time
import warnings

import pytest
from pyramid.response import Response
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from aiopyramid_core import await_, call_in_thread, spawn, synchronize
from aiopyramid_core.observing import current_observer
from aiopyramid_debugtoolbar._trace import MOST_SPANS

engine = create_engine("sqlite://", connect_args={"check_same_thread": False})


async def fetch():
    await asyncio.sleep(0.01)


def line_of(function, text):
    """Return the number of the line of a function that contains a text."""
    lines, first = inspect.getsourcelines(function)
    return first + next(number for number, line in enumerate(lines) if text in line)


@pytest.fixture
def trace(visit):
    """Return a function that requests a view once and returns the trace."""

    def trace(view, path="/page", **settings):
        async def use(site):
            await site.get(path)
            return site.traces()[0]

        def configure(config):
            config.add_route("page", "/page")
            config.add_view(view, route_name="page")

        return visit(configure, use, **settings)

    return trace


def test_a_request_on_the_loop_has_its_route_side_reason_and_status(trace):
    async def view(request):
        return Response("done", status=203)

    found = trace(view)
    assert (found.method, found.path, found.route, found.status) == ("GET", "/page", "page", 203)
    assert found.on_loop
    assert found.reason == "route 'page': the view is a coroutine"
    assert found.began_at < found.ended_at
    assert found.spans == []


def test_a_request_in_a_thread_has_its_thread_and_the_time_in_the_queue(trace):
    def view(request):
        return Response("done")

    found = trace(view)
    assert not found.on_loop
    assert found.reason == "route 'page': the view is synchronous"
    assert found.thread_name.startswith("aiopyramid-request-")
    assert found.began_at <= found.ran_at <= found.ended_at


def test_a_wait_names_what_is_awaited_and_the_line_of_the_application(trace):
    async def view(request):
        await fetch()
        return Response("done")

    (span,) = trace(view).spans
    assert (span.kind, span.label) == ("wait", "sleep")
    assert span.place.filename == __file__
    assert span.place.line == line_of(fetch, "asyncio.sleep")
    assert span.place.function == "fetch"
    assert span.ended_at - span.began_at > 0.005


def test_a_wait_below_a_library_names_the_line_that_has_called_the_library(trace):
    async def view(request):
        await asyncio.wait_for(asyncio.Event().wait(), timeout=0.01)

    def view_with_error_page(request):
        return Response("too late")

    async def tolerant(request):
        try:
            await view(request)
        except TimeoutError:
            return view_with_error_page(request)

    span = next(span for span in trace(tolerant).spans if span.kind == "wait")
    assert span.label == "wait_for"
    assert span.place.line == line_of(view, "wait_for")


def test_a_wait_of_synchronous_code_names_its_line(trace):
    @synchronize
    async def load():
        await fetch()

    def library():
        return load()

    async def view(request):
        library()
        return Response("done")

    (span,) = trace(view).spans
    assert span.place.function == "fetch"


def test_a_wait_of_a_thread_names_the_line_in_the_thread(trace):
    def view(request):
        await_(asyncio.sleep(0.01))
        return Response("done")

    (span,) = trace(view).spans
    assert (span.kind, span.label) == ("wait", "sleep")
    assert span.place.line == line_of(view, "asyncio.sleep")


def test_a_call_in_a_thread_has_its_queue_its_thread_and_its_line(trace):
    def work():
        time.sleep(0.01)

    async def view(request):
        await call_in_thread(None, functools.partial(work))
        return Response("done")

    (span,) = trace(view).spans
    assert span.kind == "thread"
    assert span.label.endswith("work")
    assert span.thread_name.startswith("asyncio_")
    assert span.began_at <= span.ran_at <= span.ended_at
    assert span.place.line == line_of(view, "call_in_thread")


def test_tasks_have_lanes_names_and_their_own_waits(trace):
    async def view(request):
        async with asyncio.TaskGroup() as group:
            group.create_task(fetch(), name="first")
            group.create_task(fetch())
        return Response("done")

    spans = trace(view).spans
    tasks = [span for span in spans if span.kind == "task"]
    assert [task.label for task in tasks] == ["first: fetch", "fetch"]
    assert [task.lane for task in tasks] == [1, 2]
    assert {task.place.line for task in tasks} <= {
        line_of(view, "create_task(fetch(), name"),
        line_of(view, "create_task(fetch())"),
    }
    waits = {span.lane: span for span in spans if span.kind == "wait" and span.lane}
    for task in tasks:
        assert task.began_at <= waits[task.lane].began_at <= waits[task.lane].ended_at
        assert waits[task.lane].ended_at <= task.ended_at


def test_the_name_that_a_task_has_by_default_is_not_shown(trace):
    async def view(request):
        await asyncio.create_task(fetch(), name="Task-7")
        await asyncio.create_task(fetch(), name="None")  # as Python 3.13.0 names it
        return Response("done")

    labels = [span.label for span in trace(view).spans if span.kind == "task"]
    assert labels == ["fetch", "fetch"]


def test_a_name_that_begins_like_one_by_default_is_shown(trace):
    async def view(request):
        await asyncio.create_task(fetch(), name="Task-list")
        await asyncio.create_task(fetch(), name="NonexistentUser")
        return Response("done")

    labels = [span.label for span in trace(view).spans if span.kind == "task"]
    assert labels == ["Task-list: fetch", "NonexistentUser: fetch"]


def test_a_background_task_is_named_and_may_outlive_the_response(visit):
    async def background():
        await fetch()

    async def view(request):
        spawn(background())
        return Response("done")

    async def use(site):
        await site.get("/")
        (task, *_) = site.traces()[0].spans
        before = task.ended_at
        async with asyncio.timeout(20):
            while task.ended_at is None:
                await asyncio.sleep(0.01)
        return task, before, site.traces()[0]

    task, before, trace = visit(lambda config: config.add_view(view), use)
    assert (task.kind, before) == ("task", None)
    assert task.label.endswith("background")
    assert task.ended_at > trace.ended_at


def test_statements_are_recorded_beside_the_waits(trace):
    def view(request):
        with engine.connect() as connection:
            connection.execute(text("select 1"))
            with pytest.raises(OperationalError):
                connection.execute(text("select no_such_column"))
        return Response("done")

    found = trace(view).spans
    assert [(span.kind, span.label) for span in found] == [
        ("sql", "select 1"),
        ("sql", "select no_such_column"),
    ]
    assert all(span.ended_at >= span.began_at for span in found)
    assert found[0].place.line == line_of(view, '"select 1"')


def test_the_record_of_a_request_is_bounded(trace):
    async def view(request):
        for _ in range(MOST_SPANS + 10):
            await asyncio.sleep(0)
        return Response("done")

    found = trace(view)
    assert len(found.spans) == MOST_SPANS
    assert found.left_out == 10


def test_requests_at_the_same_time_have_records_of_their_own(visit):
    async def view(request):
        for _ in range(int(request.params["times"])):
            await fetch()
        return Response("done")

    async def use(site):
        await asyncio.gather(*(site.get(f"/?times={number}") for number in range(1, 6)))
        return sorted(len(trace.spans) for trace in site.traces())

    assert visit(lambda config: config.add_view(view), use) == [1, 2, 3, 4, 5]


def test_a_request_that_raises_has_a_record_without_a_status(visit):
    async def view(request):
        raise KeyError("a mistake")

    async def use(site):
        with pytest.raises(KeyError):
            await site.get("/")
        return site.traces()[0]

    settings = {"debugtoolbar.intercept_exc": "false"}
    trace = visit(lambda config: config.add_view(view), use, **settings)
    assert trace.status is None
    assert trace.ended_at > trace.began_at


def test_nothing_observes_before_the_application_starts_and_after_it_has_stopped(visit):
    observers = []

    async def use(site):
        observers.append(current_observer())

    assert current_observer() is None
    visit(lambda config: observers.append(current_observer()), use)
    before, during = observers
    assert before is None
    assert during is not None
    assert current_observer() is None


def test_with_the_toolbar_disabled_nothing_is_observed(visit):
    async def use(site):
        return current_observer()

    assert visit(lambda config: None, use, **{"debugtoolbar.enabled": "false"}) is None


def test_a_forgotten_await_names_the_view(visit):
    async def view(request):
        fetch()
        return Response("done")

    async def use(site):
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            await site.get("/")
        return [str(warning.message) for warning in seen]

    (message,) = visit(lambda config: config.add_view(view), use)
    assert message.startswith("coroutine 'fetch' was never awaited\nCoroutine created at")
    assert f'File "{__file__}", line {line_of(view, "fetch()")}, in view' in message
    assert sys.get_coroutine_origin_tracking_depth() == 0
