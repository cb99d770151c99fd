"""Requests at the same time, in a real application, never see each other.

The order of things is fixed by futures and barriers: all requests are inside of their views before
the first one goes on.
"""

import asyncio
import sys
import threading
import types
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

import pytest
from pyramid.response import Response
from pyramid.threadlocal import get_current_registry, get_current_request, manager

from aiopyramid_core import await_, synchronize
from aiopyramid_core._threads.of_process import request_threads

NUMBER = 50
current_number: ContextVar[str] = ContextVar("current_number")


class Meeting:
    """Where the requests wait for each other, to go on in the reverse order of their arrival."""

    def __init__(self):
        self.waiting = []

    async def attend(self):
        future = asyncio.get_running_loop().create_future()
        self.waiting.append(future)
        if len(self.waiting) == NUMBER:
            self.next()
        await future
        self.next()

    def next(self):
        if self.waiting:
            self.waiting.pop().set_result(None)


def look(request, log):
    """Note whether what belongs to the request is this request's."""
    log.append(
        get_current_request() is request
        and get_current_registry() is request.registry
        and current_number.get() == request.path
        and len(manager.stack) == 1
    )


@pytest.fixture
def requests(run, application, monkeypatch):
    """Send fifty requests at the same time; return their answers and what they noted."""

    def requests(configure, start):
        log = []
        monkeypatch.setattr(request_threads(), "limit", NUMBER)

        async def main():
            loop = asyncio.get_running_loop()
            with ThreadPoolExecutor(NUMBER) as pool:
                loop.set_default_executor(pool)
                app = application(lambda config: configure(config, log))
                return await asyncio.gather(*(start(app, f"/{number}") for number in range(NUMBER)))

        answers = run(main)
        assert answers == [f"/{number}" for number in range(NUMBER)]
        assert get_current_request() is None
        return log

    return requests


@pytest.fixture
def start(fetch):
    """Start a request as a server does, in a Task."""

    async def start(app, path):
        return (await asyncio.create_task(fetch(app, path))).text

    return start


@pytest.fixture
def add_tween(monkeypatch):
    """Add a tween, which Pyramid accepts only by the name of something that can be imported."""

    def add_tween(config, factory):
        module = types.ModuleType(f"module_of_{factory.__name__}")
        module.factory = factory
        monkeypatch.setitem(sys.modules, module.__name__, module)
        config.add_tween(f"{module.__name__}.factory")

    return add_tween


@pytest.fixture
def configure(add_tween):
    """Add a view for all paths, below a tween that sets a context variable for each request."""

    def numbers(handler, registry):
        def number(request):
            token = current_number.set(request.path)
            try:
                return handler(request)
            finally:
                current_number.reset(token)

        return number

    def configure(config, view):
        config.add_route("any", "/{number}")
        config.add_view(view, route_name="any")
        add_tween(config, numbers)

    return configure


def test_coroutine_views_see_their_own_request_before_and_after_each_wait(
    requests, start, configure
):
    def with_view(config, log):
        first, second = Meeting(), Meeting()

        async def view(request):
            look(request, log)
            await first.attend()
            look(request, log)
            await second.attend()
            look(request, log)
            return Response(request.path)

        configure(config, view)

    assert requests(with_view, start) == [True] * 3 * NUMBER


def test_synchronous_code_below_coroutine_views_sees_its_own_request(requests, start, configure):
    def with_view(config, log):
        meeting = Meeting()
        meet = synchronize(meeting.attend)

        def below(request):
            look(request, log)
            meet()
            look(request, log)

        async def view(request):
            below(request)
            return Response(request.path)

        configure(config, view)

    assert requests(with_view, start) == [True] * 2 * NUMBER


def test_child_tasks_see_the_request_that_made_them(requests, start, configure):
    def with_view(config, log):
        meeting = Meeting()

        async def child(request):
            look(request, log)
            await meeting.attend()
            look(request, log)

        async def view(request):
            await asyncio.create_task(child(request))
            look(request, log)
            return Response(request.path)

        configure(config, view)

    assert requests(with_view, start) == [True] * 3 * NUMBER


def test_executor_views_see_their_own_request_while_all_threads_are_in_theirs(
    requests, start, configure
):
    def with_view(config, log):
        barrier = threading.Barrier(NUMBER, timeout=30)

        def view(request):
            look(request, log)
            barrier.wait()
            look(request, log)
            return Response(request.path)

        configure(config, view)

    assert requests(with_view, start) == [True] * 2 * NUMBER


def test_executor_views_see_their_own_request_around_synchronized_calls(requests, start, configure):
    def with_view(config, log):
        meeting = Meeting()

        async def meet(request):
            look(request, log)
            await meeting.attend()
            look(request, log)

        def view(request):
            synchronize(meet)(request)
            look(request, log)
            return Response(request.path)

        configure(config, view)

    assert requests(with_view, start) == [True] * 3 * NUMBER


@pytest.mark.parametrize("kind", ["coroutine", "ordinary"])
def test_tweens_see_their_own_request_before_and_after_each_wait(
    requests, start, configure, add_tween, kind
):
    def with_tween(config, log):
        before, inside, after = Meeting(), Meeting(), Meeting()

        def waits(handler, registry):
            def wait(request):
                await_(before.attend())
                look(request, log)
                response = handler(request)
                look(request, log)
                await_(after.attend())
                look(request, log)
                return response

            return wait

        async def coroutine(request):
            await inside.attend()
            return Response(request.path)

        def ordinary(request):
            await_(inside.attend())
            return Response(request.path)

        # The tween that is added last is the outermost one.
        add_tween(config, waits)
        configure(config, coroutine if kind == "coroutine" else ordinary)

    assert requests(with_tween, start) == [True] * 3 * NUMBER


def test_coroutine_and_synchronous_views_take_turns_without_mixing_up(requests, start, configure):
    def with_views(config, log):
        meeting = Meeting()

        async def coroutine(request):
            await meeting.attend()
            look(request, log)
            return Response(request.path)

        def ordinary(request):
            await_(meeting.attend())
            look(request, log)
            return Response(request.path)

        configure(config, coroutine)
        config.add_view(
            ordinary,
            route_name="any",
            path_info=r"^/\d*[02468]$",
        )

    assert requests(with_views, start) == [True] * NUMBER


def test_a_cancelled_request_leaves_its_neighbours_their_requests(run, application, fetch):
    log = []

    async def main():
        inside, leave = asyncio.Barrier(3), asyncio.Event()

        async def view(request):
            await inside.wait()
            await leave.wait()
            log.append(get_current_request() is request)
            return Response(request.path)

        app = application(lambda config: config.add_view(view))
        cancelled, other = (asyncio.create_task(fetch(app)) for _ in range(2))
        await inside.wait()
        cancelled.cancel()
        await asyncio.wait([cancelled])
        leave.set()
        await other
        return cancelled.cancelled(), get_current_request()

    assert run(main) == (True, None)
    assert log == [True]
