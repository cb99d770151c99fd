"""Renderers, and templates that call coroutines without knowing."""

from pyramid.renderers import render
from pyramid.view import render_view_to_response

from aiopyramid_core import synchronize

from .common import add, after_pause, pause


class UpperFactory:
    """A renderer factory whose renderers are coroutines."""

    def __init__(self, info):
        self.info = info

    @synchronize
    async def __call__(self, value, system):
        # BeforeRender has been awaited before.
        return await after_pause(f"{value} {system['before_render']}".upper())


def value(request):
    return "value"


async def value_in_coroutine(request):
    return await after_pause("value")


def context(request):
    return {"user": "ann"}


async def context_in_coroutine(request):
    return await after_pause({"user": "ann"})


async def render_in_coroutine(request):
    await pause()
    return render("upper", "rendered", request=request)


async def named(context, request):
    return await after_pause("the view called named")


async def other_view(request):
    await pause()
    return render_view_to_response(request.context, request, "named")


def includeme(config):
    config.add_renderer("upper", UpperFactory)
    config.add_view(named, name="named", renderer="json")
    for name, suffix in {"ordinary": "", "coroutine": "_in_coroutine"}.items():
        add(config, f"/renderer/{name}", globals()[f"value{suffix}"], renderer="upper")
        add(
            config,
            f"/template/{name}",
            globals()[f"context{suffix}"],
            renderer="everything:templates/greeting.jinja2",
        )
    add(config, "/render", render_in_coroutine)
    add(config, "/other-view", other_view, renderer=None)
