"""tweens: the tween next to the server."""

import asyncio
from contextvars import ContextVar, copy_context

import pytest
from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPNotFound
from pyramid.interfaces import ITweens
from pyramid.response import Response
from webob import Request

from aiopyramid_core import spawn_greenlet, synchronize
from aiopyramid_core.contract import ON_DISCONNECT
from aiopyramid_core.streaming import AsyncBody


@pytest.fixture
def build():
    """Build an application with settings, given without their prefix."""

    def build(configure, **settings):
        prefixed = {f"aiopyramid.{name}": value for name, value in settings.items()}
        config = Configurator(settings=prefixed)
        config.include("aiopyramid_core")
        configure(config)
        return config.make_wsgi_app()

    return build


async def parts():
    yield b"one, "
    await asyncio.sleep(0)
    yield b"two"


def start(application, **environ):
    """Start a request as a server does that keeps our contract; return its Task."""
    request = Request.blank("/", environ=environ)
    return asyncio.create_task(spawn_greenlet(request.get_response, application))


# --- The client goes away -------------------------------------------------------------------------


def test_a_coroutine_view_is_cancelled_and_cleans_up_when_its_client_goes(run, build):
    async def main():
        log, waiting, callbacks = [], asyncio.Event(), []

        async def view(request):
            try:
                waiting.set()
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                log.append("cancelled")
                raise
            finally:
                await asyncio.sleep(0)
                log.append("cleaned up")

        app = build(lambda config: config.add_view(view), cancel_on_disconnect=True)
        task = start(app, **{ON_DISCONNECT: callbacks.append})
        await waiting.wait()
        callbacks.pop()()
        await asyncio.wait([task])
        return task.cancelled(), log

    assert run(main) == (True, ["cancelled", "cleaned up"])


def test_what_a_synchronous_view_waits_for_is_cancelled_when_its_client_goes(run, build):
    async def main():
        cancelled, waiting, callbacks = asyncio.Event(), asyncio.Event(), []

        @synchronize
        async def wait():
            try:
                waiting.set()
                await asyncio.get_running_loop().create_future()
            finally:
                cancelled.set()

        def view(request):
            wait()

        app = build(lambda config: config.add_view(view), cancel_on_disconnect=True)
        task = start(app, **{ON_DISCONNECT: callbacks.append})
        await waiting.wait()
        callbacks.pop()()
        await asyncio.wait([task])
        await asyncio.wait_for(cancelled.wait(), 30)
        return task.cancelled()

    assert run(main) is True


def careful_tween_factory(handler, registry):
    def careful_tween(request):
        try:
            return handler(request)
        except Exception:  # as tweens do that make error pages
            registry["log"].append("taken for an error")
            raise
        finally:
            registry["log"].append("finally")

    return careful_tween


def test_the_cancellation_passes_through_the_finally_clauses_of_synchronous_tweens(run, build):
    async def main():
        waiting, callbacks = asyncio.Event(), []

        async def view(request):
            waiting.set()
            await asyncio.get_running_loop().create_future()

        def configure(config):
            config.registry["log"] = []
            config.add_tween(f"{__name__}.careful_tween_factory")
            config.add_view(view)

        app = build(configure, cancel_on_disconnect=True)
        task = start(app, **{ON_DISCONNECT: callbacks.append})
        await waiting.wait()
        callbacks.pop()()
        await asyncio.wait([task])
        return task.cancelled(), app.registry["log"]

    assert run(main) == (True, ["finally"])


def test_no_exception_view_takes_the_cancellation_for_an_error(run, build):
    async def main():
        waiting, callbacks, seen = asyncio.Event(), [], []

        async def view(request):
            waiting.set()
            await asyncio.get_running_loop().create_future()

        def configure(config):
            config.add_view(view)
            config.add_exception_view(lambda error, request: seen.append(error), Exception)

        app = build(configure, cancel_on_disconnect=True)
        task = start(app, **{ON_DISCONNECT: callbacks.append})
        await waiting.wait()
        callbacks.pop()()
        await asyncio.wait([task])
        return task.cancelled(), seen

    assert run(main) == (True, [])


def test_under_a_server_that_does_not_notice_the_setting_does_no_harm(run, build):
    async def view(request):
        return Response("served")

    async def main():
        app = build(lambda config: config.add_view(view), cancel_on_disconnect=True)
        return (await start(app)).text

    assert run(main) == "served"


def test_under_a_server_with_threads_the_setting_does_no_harm(build):
    async def view(request):
        return Response("served")

    app = build(lambda config: config.add_view(view), cancel_on_disconnect=True)
    assert Request.blank("/").get_response(app).text == "served"


# --- Response bodies ------------------------------------------------------------------------------


def body_of(application):
    """Return what an application returns to a server of this project."""

    def start_response(status, headers, exc_info=None):
        pass

    return asyncio.run(spawn_greenlet(application, Request.blank("/").environ, start_response))


def test_an_async_iterator_as_a_body_becomes_one_that_every_server_can_iterate(build):
    async def view(request):
        return Response(app_iter=parts())

    body = body_of(build(lambda config: config.add_view(view)))
    assert type(body) is AsyncBody
    assert list(body) == [b"one, ", b"two"]


def test_a_synchronous_iterator_as_a_body_is_left_alone(build):
    iterator = iter([b"one, ", b"two"])

    async def view(request):
        return Response(app_iter=iterator)

    assert body_of(build(lambda config: config.add_view(view))) is iterator


def test_a_body_that_can_be_iterated_both_ways_is_left_alone(build):
    both = AsyncBody(parts())

    async def view(request):
        return Response(app_iter=both)

    body = body_of(build(lambda config: config.add_view(view)))
    assert body is both
    body.close()


def test_the_body_of_a_response_by_an_exception_view_may_be_an_async_iterator(build):
    async def view(request):
        raise HTTPNotFound

    async def not_found(request):
        return Response(app_iter=parts())

    def configure(config):
        config.add_view(view)
        config.add_notfound_view(not_found)

    assert Request.blank("/").get_response(build(configure)).body == b"one, two"


# --- Context --------------------------------------------------------------------------------------

colour: ContextVar[str] = ContextVar("colour", default="none")


@pytest.mark.parametrize("kind", ["coroutine", "ordinary"])
def test_what_a_request_sets_in_its_context_no_later_one_sees(application, kind):
    def ordinary(request):
        before = colour.get()
        colour.set("red")
        return Response(before)

    async def coroutine(request):
        await asyncio.sleep(0)
        return ordinary(request)

    view = coroutine if kind == "coroutine" else ordinary
    app = application(lambda config: config.add_view(view))

    def two_requests():
        return [Request.blank("/").get_response(app).text for _ in range(2)]

    # In this thread, as a server with threads uses one again; what it leaves must not outlive us.
    assert copy_context().run(two_requests) == ["none", "none"]


# --- Its place ------------------------------------------------------------------------------------


def noting_tween_factory(handler, registry):
    def noting_tween(request):
        registry["seen"].append("pool" in registry)
        return handler(request)

    return noting_tween


NOTING = f"{__name__}.noting_tween_factory"


def test_no_tween_of_the_application_is_between_it_and_the_server(build):
    app = build(lambda config: config.add_tween(NOTING))
    names = [name for name, _ in app.registry.getUtility(ITweens).implicit()]
    assert names[0] == "aiopyramid_core.tweens.ingress_tween_factory"


def test_the_startup_functions_have_run_when_a_tween_of_the_application_begins(build):
    async def connect(registry):
        registry["pool"] = "connected"

    def configure(config):
        config.registry["seen"] = []
        config.add_startup(connect)
        config.add_tween(NOTING)

    app = build(configure)
    Request.blank("/").get_response(app)  # a server with threads starts it with the first request
    assert app.registry["seen"] == [True]
