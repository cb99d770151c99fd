"""mappers, _callables: every shape of view that Pyramid accepts, in a real application."""

import asyncio
import functools
import sys
import threading

import pytest
from pyramid.config import Configurator
from pyramid.response import Response
from pyramid.threadlocal import get_current_request
from webob import Request

from aiopyramid_core import await_, spawn_greenlet, synchronize, use_executor


def seen(request, context=None):
    """Answer with what a view sees."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    request.environ["test.thread"] = threading.current_thread()
    request.environ["test.task"] = task
    right = get_current_request() is request and context in (None, request.context)
    return Response("right" if right else "wrong")


def wrapping(view):
    @functools.wraps(view)
    def wrapper(context, request):
        return view(context, request)

    return wrapper


def hiding(view):
    def wrapper(context, request):
        return view(context, request)

    return wrapper


# --- Coroutines -----------------------------------------------------------------------------------


async def one(request):
    await asyncio.sleep(0)
    return seen(request)


async def two(context, request):
    await asyncio.sleep(0)
    return seen(request, context)


async def partly(tea, request):
    await asyncio.sleep(0)
    return seen(request)


class OfRequest:
    def __init__(self, request):
        self.request = request

    async def __call__(self):
        await asyncio.sleep(0)
        return seen(self.request)

    async def method(self):
        return await self()


class OfContextAndRequest:
    def __init__(self, context, request):
        self.context, self.request = context, request

    async def __call__(self):
        await asyncio.sleep(0)
        return seen(self.request, self.context)

    async def method(self):
        return await self()


class Instance:
    async def __call__(self, request):
        return await one(request)

    async def one(self, request):
        return await one(request)

    async def two(self, context, request):
        return await two(context, request)

    @staticmethod
    async def static(request):
        return await one(request)

    @classmethod
    async def of_class(cls, request):
        return await one(request)


class InstanceOfTwo:
    async def __call__(self, context, request):
        return await two(context, request)


# --- Coroutines written with "yield from" ---------------------------------------------------------


def delegating(request):
    yield from asyncio.sleep(0)
    return seen(request)


class Delegating:
    def __init__(self, request):
        self.request = request

    def __call__(self):
        yield from asyncio.sleep(0)
        return seen(self.request)

    def method(self):
        return (yield from self())

    @staticmethod
    def static(request):
        return (yield from delegating(request))


class DelegatingInstance:
    def __call__(self, context, request):
        yield from asyncio.sleep(0)
        return seen(request, context)

    def method(self, request):
        return (yield from delegating(request))


# --- Synchronous views ----------------------------------------------------------------------------


def ordinary_one(request):
    return seen(request)


def ordinary_two(context, request):
    return seen(request, context)


def ordinary_partly(tea, request):
    return seen(request)


class OrdinaryOfRequest:
    def __init__(self, request):
        self.request = request

    def __call__(self):
        return seen(self.request)

    def method(self):
        return self()


class OrdinaryOfContextAndRequest:
    def __init__(self, context, request):
        self.context, self.request = context, request

    def __call__(self):
        return seen(self.request, self.context)

    def method(self):
        return self()


class OrdinaryInstance:
    def __call__(self, request):
        return seen(request)

    def two(self, context, request):
        return seen(request, context)


COROUTINES = {
    "function of one": (one, None),
    "function of two": (two, None),
    "class of request": (OfRequest, None),
    "class of context and request": (OfContextAndRequest, None),
    "method of a class of request": (OfRequest, "method"),
    "method of a class of context and request": (OfContextAndRequest, "method"),
    "instance": (Instance(), None),
    "instance of two": (InstanceOfTwo(), None),
    "bound method": (Instance().one, None),
    "bound method of two": (Instance().two, None),
    "method of an instance": (Instance(), "one"),
    "method of two of an instance": (Instance(), "two"),
    "static method": (Instance.static, None),
    "class method": (Instance.of_class, None),
    "partial": (functools.partial(partly, "earl grey"), None),
    "partial of a partial": (functools.partial(functools.partial(partly, "assam")), None),
    "wrapped": (wrapping(two), None),
    "wrapped instance": (wrapping(InstanceOfTwo().__call__), None),
    "synchronized": (synchronize(one), None),
    "synchronized of two": (synchronize(two), None),
    "synchronized and wrapped": (wrapping(synchronize(two)), None),
    "generator function": (delegating, None),
    "class with a generator": (Delegating, None),
    "generator method": (Delegating, "method"),
    "instance with a generator": (DelegatingInstance(), None),
    "generator method of an instance": (DelegatingInstance().method, None),
    "static generator method": (Delegating.static, None),
    "partial of a generator function": (functools.partial(delegating), None),
    "synchronized generator function": (synchronize(delegating), None),
}
if sys.version_info < (3, 14):  # from then on, Pyramid 2.1 calls it with a context as well
    COROUTINES["partial of a bound method"] = (functools.partial(Instance().one), None)
HIDDEN = {
    "by a decorator": (hiding(two), None),
    "by a lambda": (lambda request: one(request), None),
    "by two decorators": (hiding(wrapping(two)), None),
}
ORDINARY = {
    "function of one": (ordinary_one, None),
    "function of two": (ordinary_two, None),
    "lambda": (lambda request: seen(request), None),
    "class of request": (OrdinaryOfRequest, None),
    "class of context and request": (OrdinaryOfContextAndRequest, None),
    "method of a class of request": (OrdinaryOfRequest, "method"),
    "method of a class of context and request": (OrdinaryOfContextAndRequest, "method"),
    "instance": (OrdinaryInstance(), None),
    "bound method of two": (OrdinaryInstance().two, None),
    "method of two of an instance": (OrdinaryInstance(), "two"),
    "partial": (functools.partial(ordinary_partly, "earl grey"), None),
    "wrapped": (wrapping(ordinary_two), None),
    "hidden by a decorator": (hiding(ordinary_two), None),
}


@pytest.fixture
def answer(run, application):
    """Send a request to a view, and return the answer, the view's thread and task, and ours."""

    def answer(view, attr, **options):
        app = application(lambda config: config.add_view(view, attr=attr, **options))
        request = Request.blank("/")

        def in_request():
            response = request.get_response(app)
            return response.text, await_(current_task())

        async def current_task():
            return asyncio.current_task()

        async def main():
            return await spawn_greenlet(in_request)

        text, task = run(main)
        return text, request.environ["test.thread"], request.environ["test.task"], task

    return answer


@pytest.mark.parametrize("shape", COROUTINES)
def test_a_coroutine_view_runs_in_the_requests_task_on_the_loops_thread(answer, shape):
    text, thread, task, requests_task = answer(*COROUTINES[shape])
    assert text == "right"
    assert thread is threading.current_thread()
    assert task is requests_task


@pytest.mark.parametrize("shape", HIDDEN)
def test_a_hidden_coroutine_is_awaited_on_the_loops_thread_all_the_same(answer, shape):
    text, thread, task, _ = answer(*HIDDEN[shape])
    assert text == "right"
    assert thread is threading.current_thread()
    assert task is not None


@pytest.mark.parametrize("shape", ORDINARY)
def test_a_synchronous_view_runs_in_another_thread(answer, shape):
    text, thread, task, _ = answer(*ORDINARY[shape])
    assert text == "right"
    assert thread is not threading.current_thread()
    assert task is None


@pytest.mark.parametrize("shape", ORDINARY)
def test_a_synchronous_view_is_called_as_pyramid_itself_calls_it(shape):
    # Pyramid's own mapper behaves as the test before this one requires of ours.
    view, attr = ORDINARY[shape]
    config = Configurator()
    config.add_view(view, attr=attr)
    assert Request.blank("/").get_response(config.make_wsgi_app()).text == "right"


def test_a_view_of_two_under_wraps_of_any_arguments_gets_both_as_from_pyramid(answer):
    @functools.wraps(two)
    def wrapper(*args, **kwargs):
        return two(*args, **kwargs)

    assert answer(wrapper, None)[0] == "right"


def test_a_coroutine_view_may_have_a_decorator_of_pyramids(answer):
    def decorator(view):
        def decorated(context, request):
            return view(context, request)

        return decorated

    assert answer(two, None, decorator=decorator)[0] == "right"


@pytest.mark.parametrize("view", [ordinary_one, ordinary_two])
def test_a_view_that_uses_the_executor_runs_in_another_thread(answer, view):
    text, thread, task, _ = answer(use_executor(view), None)
    assert text == "right"
    assert thread is not threading.current_thread()
    assert task is None
