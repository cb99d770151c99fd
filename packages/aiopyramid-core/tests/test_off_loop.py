"""mappers: where all of a view runs, and what exception views see there."""

import asyncio
import sys
import threading
import traceback

import pytest
from webob import Request

from aiopyramid_core import CoroutineMapper, ExecutorMapper

# --- Renderers and decorators ---------------------------------------------------------------------


def places(kind, **options):
    """Configure a view; all of its parts say which thread they run in."""

    def configure(config):
        seen = config.registry["seen"] = {}

        def note(part):
            seen[part] = threading.current_thread()

        def ordinary_view(request):
            note("view")
            return "rendered"

        async def coroutine_view(request):
            await asyncio.sleep(0)
            return ordinary_view(request)

        def decorator(view):
            def decorated(context, request):
                note("before")
                response = view(context, request)
                note("after")
                return response

            return decorated

        def renderer_factory(info):
            def render(value, system):
                note("renderer")
                return value

            return render

        config.add_renderer("noting", renderer_factory)
        view = coroutine_view if kind == "coroutine" else ordinary_view
        config.add_view(view, decorator=decorator, renderer="noting", **options)

    return configure


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("coroutine", {}),
        ("ordinary", {}),
        ("coroutine", {"mapper": CoroutineMapper}),
        ("ordinary", {"mapper": ExecutorMapper}),
    ],
)
def test_all_of_a_view_runs_in_one_thread(run, application, fetch, kind, options):
    async def main():
        app = application(places(kind, **options))
        assert (await fetch(app)).text == "rendered"
        return app.registry["seen"]

    seen = run(main)
    assert list(seen) == ["before", "view", "renderer", "after"]
    (thread,) = set(seen.values())
    assert (thread is threading.current_thread()) == (kind == "coroutine")


@pytest.mark.parametrize("kind", ["coroutine", "ordinary"])
def test_under_a_server_with_threads_the_parts_of_a_view_stay_where_they_can_wait(
    application, kind
):
    app = application(places(kind))
    assert Request.blank("/").get_response(app).text == "rendered"
    seen = app.registry["seen"]
    assert seen["before"] is seen["renderer"] is seen["after"] is threading.current_thread()
    on_the_loop = seen["view"].name == "aiopyramid-loop"
    assert on_the_loop == (kind == "coroutine")


# --- Exception views ------------------------------------------------------------------------------


class Teapot(Exception):
    """The exception that the views below raise."""


def report():
    """Say what an exception view can find out by itself."""
    kind, error, frames = sys.exc_info()
    names = [frame.name for frame in traceback.extract_tb(frames)]
    text = traceback.format_exc().splitlines()[-1]
    return {
        "type": kind.__name__,
        "error": str(error),
        "culprit": names[-1],
        "text": text.rpartition(".")[2],
    }


def fails(config, view_kind, exception_view_kind):
    def boil(request):
        raise Teapot("short and stout")

    async def boil_later(request):
        await asyncio.sleep(0)
        boil(request)

    def ordinary_exception_view(error, request):
        return {"where": threading.current_thread().name, **report()}

    async def coroutine_exception_view(error, request):
        await asyncio.sleep(0)
        return {"where": threading.current_thread().name, **report()}

    config.add_view(boil_later if view_kind == "coroutine" else boil)
    config.add_exception_view(
        coroutine_exception_view if exception_view_kind == "coroutine" else ordinary_exception_view,
        context=Teapot,
        renderer="json",
    )


@pytest.mark.parametrize("exception_view", ["coroutine", "ordinary"])
@pytest.mark.parametrize("view", ["coroutine", "ordinary"])
def test_an_exception_view_sees_the_exception_that_it_is_about(
    run, application, fetch, view, exception_view
):
    async def main():
        app = application(lambda config: fails(config, view, exception_view))
        return (await fetch(app)).json

    seen = run(main)
    on_the_loop = seen.pop("where") == threading.current_thread().name
    assert on_the_loop == (exception_view == "coroutine")
    assert seen == {
        "type": "Teapot",
        "error": "short and stout",
        "culprit": "boil",
        "text": "Teapot: short and stout",
    }


@pytest.mark.parametrize("exception_view", ["coroutine", "ordinary"])
def test_so_it_does_under_a_server_with_threads(application, exception_view):
    app = application(lambda config: fails(config, "ordinary", exception_view))
    seen = Request.blank("/").get_response(app).json
    assert (seen["culprit"], seen["text"]) == ("boil", "Teapot: short and stout")
