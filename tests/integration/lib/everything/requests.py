"""Request methods, subrequests, exception views by hand."""

from pyramid.request import Request

from aiopyramid_core import synchronize

from .common import add, after_pause, pause
from .views import Expected


@synchronize
async def greet(request, name):
    return await after_pause(f"hi {name}")


@synchronize
async def place(request):
    request.asked = getattr(request, "asked", 0) + 1
    return await after_pause("somewhere")


@synchronize
async def once(request):
    request.computed = getattr(request, "computed", 0) + 1
    return await after_pause(f"computed {request.computed}")


def methods(request):
    return [request.greet("ann"), request.place, request.once, request.once]


async def methods_in_coroutine(request):
    await pause()
    return methods(request)


def subrequest(request):
    blank = Request.blank(request.params["path"], headers=dict(request.headers))
    response = request.invoke_subrequest(blank, use_tweens="tweens" in request.params)
    return {"status": response.status_int, "text": response.text}


async def subrequest_in_coroutine(request):
    await pause()
    return subrequest(request)


def exception_view(request):
    try:
        raise Expected("by hand")
    except Expected:
        return request.invoke_exception_view()


async def exception_view_in_coroutine(request):
    await pause()
    return exception_view(request)


def includeme(config):
    config.add_request_method(greet)
    config.add_request_method(place, property=True)
    config.add_request_method(once, reify=True)
    for name, suffix in {"ordinary": "", "coroutine": "_in_coroutine"}.items():
        add(config, f"/methods/{name}", globals()[f"methods{suffix}"])
        add(config, f"/subrequest/{name}", globals()[f"subrequest{suffix}"])
        view = globals()[f"exception_view{suffix}"]
        add(config, f"/exception-view/{name}", view, renderer=None)
