"""foreign_applications: what does not know where its requests run gets threads."""

import asyncio
import threading

import pytest
from pyramid.config import Configurator
from pyramid.response import Response
from pyramid.router import Router
from webob import Request

from aiopyramid_core import IncludeMissing, _applications, await_, spawn_greenlet
from aiopyramid_core.contract import ON_DISCONNECT
from aiopyramid_core.servers import in_threads, never_blocks

PATIENCE_SECONDS = 20


def start(app, path="/"):
    return asyncio.create_task(spawn_greenlet(Request.blank(path).get_response, app))


def thread_of(request):
    return Response(str(threading.get_ident()))


@pytest.mark.parametrize("settings", [{}, {"aiopyramid.cancel_on_disconnect": "true"}])
def test_the_router_itself_is_called_where_a_request_runs(run, monkeypatch, settings):
    """As it has to be for agents that watch an application from around it, by thread."""
    called_in = []
    call = Router.__call__

    def watching(self, environ, start_response):
        called_in.append(threading.get_ident())
        return call(self, environ, start_response)

    monkeypatch.setattr(Router, "__call__", watching)

    async def coroutine(request):
        return thread_of(request)

    async def main():
        config = Configurator(settings=settings)
        config.include("aiopyramid_core")
        config.add_view(thread_of)
        config.add_view(coroutine, name="coroutine")
        app = in_threads(config.make_wsgi_app())
        answers = [await start(app), await start(app, "/coroutine")]
        return [int(answer.text) for answer in answers]

    viewed_in = run(main)
    assert called_in == viewed_in
    assert viewed_in[0] != threading.get_ident() == viewed_in[1]


def test_a_client_who_goes_cancels_what_a_placed_request_awaits_just_once(run):
    cancellations = []

    async def main():
        waiting, callbacks = asyncio.Event(), []

        async def wait():
            waiting.set()
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                cancellations.append(asyncio.current_task().cancelling())
                # A second one would interrupt this.
                await asyncio.sleep(0.05)
                cancellations.append(asyncio.current_task().cancelling())
                raise

        def view(request):
            await_(wait())

        config = Configurator(settings={"aiopyramid.cancel_on_disconnect": "true"})
        config.include("aiopyramid_core")
        config.add_view(view)
        request = Request.blank("/", environ={ON_DISCONNECT: callbacks.append})
        app = in_threads(config.make_wsgi_app())
        task = asyncio.create_task(spawn_greenlet(request.get_response, app))
        await waiting.wait()
        for callback in callbacks:
            callback()
        await asyncio.wait([task])
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(cancellations) < 2:
                await asyncio.sleep(0.01)

    run(main)
    assert cancellations == [1, 1]


def test_one_that_does_not_runs_in_threads_at_the_same_time(run):

    barrier = threading.Barrier(8, timeout=PATIENCE_SECONDS)

    def wsgi(environ, start_response):
        barrier.wait()
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    async def main():
        answers = await asyncio.gather(*(start(in_threads(wsgi)) for _ in range(8)))
        return {answer.text for answer in answers}

    assert run(main) == {"ok"}


def test_so_does_a_pyramid_application_without_the_include(run):

    config = Configurator()
    config.add_view(thread_of)

    async def main():
        return (await start(in_threads(config.make_wsgi_app()))).text

    assert int(run(main)) != threading.get_ident()


def test_such_an_application_may_await(run):

    def wsgi(environ, start_response):
        start_response("200 OK", [])
        return [await_(asyncio.sleep(0, b"awaited"))]

    async def main():
        return (await start(in_threads(wsgi))).text

    assert run(main) == "awaited"


# --- What it says ---------------------------------------------------------------------------------


def foreign(environ, start_response):
    start_response("200 OK", [])
    return []


class Middleware:
    def __init__(self, application):
        self.application = application

    def __call__(self, environ, start_response):
        return self.application(environ, start_response)


def test_it_says_nothing_of_an_application_that_knows_its_places(application):
    said = []
    in_threads(application(lambda config: None), said.append)
    assert said == []


def test_it_tells_a_pyramid_application_what_to_say():
    said = []
    in_threads(Configurator().make_wsgi_app(), said.append)
    assert said == [
        "The application does not include aiopyramid_core: each request runs in a thread, and views"
        " cannot be coroutines. Call config.include('aiopyramid_core')"
    ]


def test_it_names_middleware_around_an_application_that_does(application):
    said = []
    app = application(lambda config: None)
    in_threads(Middleware(app), said.append)
    assert said == [
        f"{__name__}.Middleware is around an application that includes aiopyramid_core: each"
        " request runs in a thread, which coroutine views hold while they wait. If it never blocks,"
        " wrap it in aiopyramid_core.servers.never_blocks(...)"
    ]


def test_it_names_an_application_of_another_framework(monkeypatch):
    monkeypatch.setattr(_applications, "_applications", [])
    said = []
    in_threads(foreign, said.append)
    assert said == [
        f"{__name__}.foreign is not an application that includes aiopyramid_core: each request runs"
        " in a thread"
    ]


@pytest.mark.parametrize("renderer", [None, "json"])
def test_a_coroutine_view_without_the_include_gets_an_error_that_names_it(run, renderer):
    made = []

    async def coroutine():
        return Response("")

    def view(request):
        made.append(coroutine())
        return made[-1]

    async def main():
        config = Configurator()
        config.add_view(view, renderer=renderer)
        app = in_threads(config.make_wsgi_app())
        with pytest.raises(IncludeMissing) as caught:
            await start(app)
        made.pop().close()  # otherwise Python would warn that it was never awaited
        return str(caught.value)

    assert run(main) == (
        "A view of this application is a coroutine, but the application does not include"
        " aiopyramid_core, which would await it. Call config.include('aiopyramid_core')"
    )


def test_errors_of_other_kinds_stay_what_they_are(run):
    def view(request):
        raise ValueError("of the application")

    async def main():
        config = Configurator()
        config.add_view(view)
        with pytest.raises(ValueError, match="of the application"):
            await start(in_threads(config.make_wsgi_app()))

    run(main)


def test_behind_middleware_a_coroutine_view_runs_on_the_loop(run, application):
    async def view(request):
        await asyncio.sleep(0)
        return Response(str(threading.get_ident()))

    async def main():
        app = application(lambda config: config.add_view(view))
        return (await start(in_threads(Middleware(app)))).text

    assert int(run(main)) == threading.get_ident()


def test_middleware_that_never_blocks_leaves_the_decision_to_the_application(run, application):
    threads = []

    def middleware(environ, start_response):
        threads.append(threading.get_ident())
        return app(environ, start_response)

    app = application(lambda config: config.add_view(thread_of))

    async def main():
        said = []
        answer = await start(in_threads(never_blocks(middleware), said.append))
        return int(answer.text), said

    of_view, said = run(main)
    assert threads == [threading.get_ident()]
    assert of_view != threading.get_ident()
    assert said == []
