"""failures: exceptions that leave coroutines, as Pyramid and its exception views see them."""

import asyncio
import sys
from contextlib import asynccontextmanager

import pytest
from pyramid.httpexceptions import HTTPFound, HTTPNotFound
from pyramid.response import Response
from webob import Request

from aiopyramid_core import await_


@pytest.fixture(params=["loop", "thread"])
def get(request, application, fetch):
    """Return the answer of an application with one view, on the loop and in a thread."""

    def get(view, configure=lambda config: None):
        def configure_all(config):
            config.add_view(view)
            configure(config)

        app = application(configure_all)
        if request.param == "thread":
            return Request.blank("/").get_response(app)
        return asyncio.run(fetch(app))

    return get


async def raising(error):
    await asyncio.sleep(0)
    raise error


def raising_in_group(*errors):
    async def view(request):
        async with asyncio.TaskGroup() as group:
            for error in errors:
                group.create_task(raising(error))

    return view


# --- Groups ---------------------------------------------------------------------------------------


def test_an_http_exception_in_a_group_is_answered(get):
    assert get(raising_in_group(HTTPNotFound())).status_code == 404


def test_those_that_agree_are_answered(get):
    assert get(raising_in_group(HTTPNotFound(), HTTPNotFound())).status_code == 404


def test_a_group_in_a_group_is_answered(get):
    async def view(request):
        async with asyncio.TaskGroup() as group:
            group.create_task(raising_in_group(HTTPNotFound())(request))

    assert get(view).status_code == 404


def test_an_exception_view_gets_the_exception_itself(get):
    def missing(error, request):
        return Response(type(error.__cause__).__name__, 404)

    answer = get(raising_in_group(HTTPNotFound()), lambda config: config.add_notfound_view(missing))
    assert (answer.status_code, answer.text) == (404, "ExceptionGroup")


@pytest.mark.parametrize(
    "errors",
    [
        (HTTPNotFound(), ValueError()),
        (HTTPFound("/a"), HTTPFound("/b")),
        (ValueError(), ValueError()),
    ],
)
def test_those_that_do_not_agree_stay_a_group(get, errors):
    with pytest.raises(ExceptionGroup) as caught:
        get(raising_in_group(*errors))
    assert set(caught.value.exceptions) == set(errors)


def test_a_group_of_a_policy_is_answered(get):
    class Policy:
        async def identity(self, request):
            await raising_in_group(HTTPNotFound())(request)

    def view(request):
        return Response(request.identity)

    assert get(view, lambda config: config.set_security_policy(Policy())).status_code == 404


# --- Cancellation ---------------------------------------------------------------------------------


async def cancelled(request):
    task = asyncio.current_task()
    task.cancel()
    await asyncio.sleep(1)


def test_in_the_thread_of_a_server_a_cancelled_view_is_answered_with_503(application):
    app = application(lambda config: config.add_view(cancelled))
    answer = Request.blank("/").get_response(app)
    assert (answer.status_code, "The request was cancelled." in answer.text) == (503, True)


def test_on_the_loop_the_server_sees_that_it_was_cancelled(application, fetch):
    app = application(lambda config: config.add_view(cancelled))
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(fetch(app))


# --- Explanations ---------------------------------------------------------------------------------


def note_of(get, view, configure=lambda config: None):
    with pytest.raises((RuntimeError, TypeError, ValueError)) as caught:
        get(view, configure)
    return "".join(caught.value.__notes__)


def test_an_await_too_few_is_explained(get):
    made = []

    async def name(request):
        return "name"

    async def view(request):
        made.append(name(request))
        return made[0]

    assert note_of(get, view) == (
        "The view returned a coroutine: write 'await' before the call that made it."
    )
    made[0].close()


def test_an_await_too_few_in_a_value_names_the_view(get, no_warnings):
    async def name(request):
        return "name"

    async def profile(request):
        return {"user": "ann", "name": name(request)}

    def configure(config):
        config.add_view(profile, renderer="json", request_method="GET")

    with pytest.raises(TypeError) as caught:
        get(profile, configure)
    assert str(caught.value) == (
        f"function {__name__}.profile returned a coroutine of {name.__qualname__} as 'name': write"
        " 'await' before the call that made it."
    )


def unpacked(pair):
    first, second = pair
    return first + second


@pytest.mark.parametrize(
    "use",
    [
        lambda user: user.name,
        lambda user: user["name"],
        lambda user: "Hello, " + user,
        lambda user: Response(user),
        lambda user: str(user, "utf-8"),
        lambda user: ", ".join([user]),
        lambda user: print(*user),
        lambda user: unpacked(user),
    ],
    ids=["attribute", "item", "operand", "body", "text", "list", "arguments", "pair"],
)
def test_a_coroutine_that_is_used_like_its_result_is_explained(get, use):
    made = []

    async def user(request):
        return "ann"

    async def view(request):
        made.append(user(request))
        return use(made[0])

    with pytest.raises((AttributeError, TypeError)) as caught:
        get(view)
    assert caught.value.__notes__ == [
        "A coroutine was used like its result: write 'await' before the call that made it. If a"
        " library makes the call, decorate the coroutine function with"
        " aiopyramid_core.synchronize."
    ]
    made[0].close()


def marking_tween_factory(handler, registry):
    async def tween(request):
        return await handler(request)

    return tween


def test_an_await_too_many_is_explained(get):
    name = f"{__name__}.marking_tween_factory"

    def configure(config):
        config.add_tween(name, under="pyramid.tweens.excview_tween_factory")

    assert note_of(get, lambda request: Response("hello"), configure).startswith(
        "Pyramid passes synchronous functions to coroutines, too: the handler of a tween"
    )


def test_gather_in_a_synchronous_view_is_explained(get):
    def view(request):
        coroutines = [asyncio.sleep(0), asyncio.sleep(0)]
        try:
            return await_(asyncio.gather(*coroutines))
        finally:
            for coroutine in coroutines:
                coroutine.close()

    assert "'async def both(): return await asyncio.gather(a(), b())'" in note_of(get, view)


def test_a_synchronous_with_of_an_asynchronous_library_is_explained(get):
    @asynccontextmanager
    async def connect():
        yield

    class AsyncConnection:
        __aenter__ = __aexit__ = connect

    async def view(request):
        with AsyncConnection():
            return Response("hello")

    assert note_of(get, view) == (
        "It is of an asynchronous library: write 'async with', in a coroutine."
    )


def test_other_errors_are_left_alone(get):
    def view(request):
        raise ValueError("something else")

    with pytest.raises(ValueError, match="something else") as caught:
        get(view)
    assert not hasattr(caught.value, "__notes__")
    assert sys.exception() is None
