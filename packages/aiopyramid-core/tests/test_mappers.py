"""mappers: what they refuse, and views in a real application. Shapes: test_view_shapes.py."""

import asyncio
import threading

import pytest
from pyramid.config import Configurator
from pyramid.exceptions import ConfigurationError, ConfigurationExecutionError
from pyramid.httpexceptions import HTTPNotFound
from pyramid.response import Response
from pyramid.view import view_config, view_defaults
from webob import Request

from aiopyramid_core import (
    CoroutineMapper,
    CoroutineOrExecutorMapper,
    ExecutorMapper,
    spawn_greenlet,
    synchronize,
)


class Teapot(Exception):
    """The exception that the views below raise."""


async def coroutine(request):
    await asyncio.sleep(0)
    return Response("coroutine")


def ordinary(request):
    return Response("ordinary")


class Views:
    def __init__(self, request):
        self.request = request

    async def coroutine(self):
        return Response("coroutine")

    def ordinary(self):
        return Response("ordinary")


@synchronize
async def thread_of_coroutine():
    await asyncio.sleep(0)
    return threading.current_thread()


# --- The wrong kind -------------------------------------------------------------------------------


def test_the_coroutine_mapper_refuses_a_synchronous_view():
    with pytest.raises(ConfigurationError) as caught:
        CoroutineMapper()(ordinary)
    assert str(caught.value) == (
        f"CoroutineMapper cannot map function {__name__}.ordinary: it is not a coroutine."
        " Declare it with 'async def', or use ExecutorMapper."
    )


def test_the_coroutine_mapper_refuses_a_synchronous_method():
    with pytest.raises(ConfigurationError) as caught:
        CoroutineMapper(attr="ordinary")(Views)
    assert str(caught.value) == (
        f"CoroutineMapper cannot map attr ordinary of class {__name__}.Views: it is not a"
        " coroutine. Declare it with 'async def', or use ExecutorMapper."
    )


def test_the_executor_mapper_refuses_a_coroutine_view():
    with pytest.raises(ConfigurationError) as caught:
        ExecutorMapper()(coroutine)
    assert str(caught.value) == (
        f"ExecutorMapper cannot map function {__name__}.coroutine: it is a coroutine, which runs"
        " on the event loop and not in a thread. Use CoroutineMapper."
    )


def test_the_executor_mapper_refuses_a_coroutine_method():
    with pytest.raises(ConfigurationError) as caught:
        ExecutorMapper(attr="coroutine")(Views)
    assert str(caught.value) == (
        f"ExecutorMapper cannot map attr coroutine of class {__name__}.Views: it is a coroutine,"
        " which runs on the event loop and not in a thread. Use CoroutineMapper."
    )


@pytest.mark.parametrize(
    ("mapper", "view"), [(CoroutineMapper, ordinary), (ExecutorMapper, coroutine)]
)
def test_the_wrong_kind_is_reported_when_the_application_is_configured(application, mapper, view):
    with pytest.raises(ConfigurationExecutionError, match=f"{mapper.__name__} cannot map"):
        application(lambda config: config.add_view(view, mapper=mapper))


@pytest.mark.parametrize("mapper", [CoroutineMapper, CoroutineOrExecutorMapper])
def test_an_unbound_method_is_refused_as_by_pyramid(mapper):
    with pytest.raises(ConfigurationError, match="Unbound method calls are not supported"):
        mapper()(Views.coroutine)


# --- Choosing a mapper ----------------------------------------------------------------------------


def test_the_default_mapper_takes_both_kinds_of_view(run, application, fetch):
    def configure(config):
        config.add_view(coroutine, name="coroutine")
        config.add_view(ordinary, name="ordinary")

    async def main():
        app = application(configure)
        return [(await fetch(app, path)).text for path in ("/coroutine", "/ordinary")]

    assert run(main) == ["coroutine", "ordinary"]


@pytest.mark.parametrize(
    ("mapper", "view", "text"),
    [(CoroutineMapper, coroutine, "coroutine"), (ExecutorMapper, ordinary, "ordinary")],
)
def test_a_mapper_may_be_chosen_for_one_view(run, fetch, mapper, view, text):
    config = Configurator()
    config.add_view(view, mapper=mapper)

    async def main():
        return (await fetch(config.make_wsgi_app())).text

    assert run(main) == text


def test_class_based_views_may_be_declared_with_decorators(run, application, fetch):
    @view_defaults(renderer="json")
    class Declared:
        def __init__(self, request):
            self.request = request

        async def coroutine(self):
            await asyncio.sleep(0)
            return {"path": self.request.path}

        coroutine = view_config(name="coroutine")(coroutine)

    def configure(config):
        config.add_view(Declared, attr="coroutine", name="coroutine")

    async def main():
        return (await fetch(application(configure), "/coroutine")).json

    assert run(main) == {"path": "/coroutine"}


@pytest.mark.parametrize("view", [coroutine, ordinary])
def test_pyramid_describes_a_mapped_view_as_it_describes_the_view(view):
    assert CoroutineOrExecutorMapper()(view).__text__ == f"function {__name__}.{view.__name__}"


def test_pyramid_describes_a_mapped_method_by_its_class():
    mapped = CoroutineOrExecutorMapper(attr="coroutine")(Views)
    assert mapped.__text__ == f"method coroutine of class {__name__}.Views"


def test_an_instance_without_a_description_is_mapped(run, application, fetch):
    class View:
        async def __call__(self, context, request):
            return Response("instance")

    async def main():
        return (await fetch(application(lambda config: config.add_view(View())))).text

    assert run(main) == "instance"


# --- Renderers, predicates, exceptions ------------------------------------------------------------


def test_a_renderer_renders_what_a_coroutine_view_returns(run, application, fetch):
    async def view(request):
        await asyncio.sleep(0)
        return {"answer": 42}

    async def main():
        app = application(lambda config: config.add_view(view, renderer="json"))
        response = await fetch(app)
        return response.content_type, response.json

    assert run(main) == ("application/json", {"answer": 42})


@pytest.mark.parametrize("kind", ["coroutine", "ordinary"])
def test_a_renderer_runs_in_the_thread_of_its_view(run, application, fetch, kind):
    threads = []

    def renderer_factory(info):
        def render(value, system):
            threads.append(threading.current_thread())
            return value

        return render

    async def coroutine_view(request):
        await asyncio.sleep(0)
        return ordinary_view(request)

    def ordinary_view(request):
        threads.append(threading.current_thread())
        return "rendered"

    def configure(config):
        config.add_renderer("noting", renderer_factory)
        view = coroutine_view if kind == "coroutine" else ordinary_view
        config.add_view(view, renderer="noting")

    async def main():
        return (await fetch(application(configure))).text

    assert run(main) == "rendered"
    of_view, of_renderer = threads
    assert of_view is of_renderer
    assert (of_view is threading.current_thread()) == (kind == "coroutine")


@pytest.mark.parametrize("kind", ["coroutine", "ordinary"])
def test_an_exception_in_a_view_reaches_its_exception_view(run, application, fetch, kind):
    async def coroutine_view(request):
        await asyncio.sleep(0)
        raise Teapot("short and stout")

    def ordinary_view(request):
        raise Teapot("short and stout")

    async def exception_view(error, request):
        await asyncio.sleep(0)
        return Response(f"{error}, {request.exception is error}", status=418)

    def configure(config):
        config.add_view(coroutine_view if kind == "coroutine" else ordinary_view)
        config.add_exception_view(exception_view, context=Teapot)

    async def main():
        response = await fetch(application(configure))
        return response.status_int, response.text

    assert run(main) == (418, "short and stout, True")


def test_an_exception_view_may_be_synchronous(run, application, fetch):
    async def view(request):
        raise Teapot("short and stout")

    def configure(config):
        config.add_view(view)
        config.add_exception_view(lambda error, request: Response(str(error)), context=Teapot)

    async def main():
        return (await fetch(application(configure))).text

    assert run(main) == "short and stout"


def test_an_http_exception_raised_in_a_coroutine_is_the_response(run, application, fetch):
    async def view(request):
        await asyncio.sleep(0)
        raise HTTPNotFound("no such tea")

    async def main():
        return (await fetch(application(lambda config: config.add_view(view)))).status_int

    assert run(main) == 404


def test_an_exception_that_no_view_handles_reaches_the_server(run, application, fetch):
    async def view(request):
        await asyncio.sleep(0)
        raise Teapot

    async def main():
        with pytest.raises(Teapot):
            await fetch(application(lambda config: config.add_view(view)))

    run(main)


@pytest.mark.parametrize("kind", ["coroutine", "ordinary"])
def test_a_view_may_call_synchronous_code_that_calls_a_coroutine(run, application, fetch, kind):
    def below():
        return thread_of_coroutine()

    async def coroutine_view(request):
        await asyncio.sleep(0)
        return Response(below().name)

    def ordinary_view(request):
        return Response(below().name)

    view = coroutine_view if kind == "coroutine" else ordinary_view

    async def main():
        return (await fetch(application(lambda config: config.add_view(view)))).text

    assert run(main) == threading.current_thread().name


# --- Servers without an event loop ----------------------------------------------------------------


@pytest.mark.parametrize("view", [coroutine, ordinary])
def test_without_a_loop_of_the_servers_all_views_work(application, view):
    app = application(lambda config: config.add_view(view))
    assert Request.blank("/").get_response(app).text == view.__name__


def test_without_a_loop_of_the_servers_a_synchronous_view_stays_in_its_thread(application):
    def view(request):
        return Response(str(threading.get_ident()))

    app = application(lambda config: config.add_view(view))
    assert Request.blank("/").get_response(app).text == str(threading.get_ident())


def test_on_the_loops_own_thread_an_application_must_be_called_in_a_greenlet(run, application):
    app = application(lambda config: config.add_view(coroutine))

    async def main():
        with pytest.raises(RuntimeError, match="outside of a greenlet"):
            Request.blank("/").get_response(app)
        response = await spawn_greenlet(Request.blank("/").get_response, app)
        return response.text

    assert run(main) == "coroutine"
