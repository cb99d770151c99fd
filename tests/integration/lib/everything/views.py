"""Views of every shape, coroutines and synchronous ones, and what is around a view."""

import asyncio
import functools

from pyramid.threadlocal import get_current_request

from aiopyramid_core import synchronize

from .common import add, after_pause, pause, text


def seen(request, context=None):
    """Return what a view sees."""
    try:
        on_loop = asyncio.current_task() is not None
    except RuntimeError:
        on_loop = False
    return {
        "on_loop": on_loop,
        "request": get_current_request() is request,
        "context": context in (None, request.context),
    }


# --- Coroutines -----------------------------------------------------------------------------------


async def one(request):
    await pause()
    return seen(request)


async def two(context, request):
    await pause()
    return seen(request, context)


async def partly(extra, request):
    await pause()
    return seen(request)


class OfRequest:
    def __init__(self, request):
        self.request = request

    async def __call__(self):
        await pause()
        return seen(self.request)

    method = __call__


class OfContextAndRequest:
    def __init__(self, context, request):
        self.context, self.request = context, request

    async def __call__(self):
        await pause()
        return seen(self.request, self.context)

    method = __call__


class Instance:
    async def __call__(self, request):
        return await one(request)

    async def method(self, context, request):
        return await two(context, request)

    @staticmethod
    async def static(request):
        return await one(request)

    @classmethod
    async def of_class(cls, request):
        return await one(request)


@synchronize
class Synchronized:
    def __init__(self, request):
        self.request = request

    async def __call__(self):
        return await one(self.request)


def generator(request):
    yield from pause()
    return seen(request)


def wrapping(view):
    @functools.wraps(view)
    def wrapper(request):
        return view(request)

    return wrapper


COROUTINES = {
    "function": (one, None),
    "function-of-two": (two, None),
    "class": (OfRequest, None),
    "class-of-two": (OfContextAndRequest, None),
    "class-attr": (OfRequest, "method"),
    "class-of-two-attr": (OfContextAndRequest, "method"),
    "instance": (Instance(), None),
    "instance-attr": (Instance(), "method"),
    "bound-method": (Instance().method, None),
    "static-method": (Instance.static, None),
    "class-method": (Instance.of_class, None),
    "partial": (functools.partial(partly, "extra"), None),
    "decorated": (wrapping(one), None),
    "lambda": (lambda request: one(request), None),
    "generator": (generator, None),
    "synchronized-function": (synchronize(one), None),
    "synchronized-class": (Synchronized, None),
    "dotted-name": ("everything.views.one", None),
}


# --- Synchronous views ----------------------------------------------------------------------------


def ordinary(request):
    return seen(request)


class OrdinaryClass:
    def __init__(self, context, request):
        self.context, self.request = context, request

    def __call__(self):
        return seen(self.request, self.context)

    method = __call__


def awaiting(request):
    return synchronize(after_pause)(seen(request))


ORDINARY = {
    "function": (ordinary, None),
    "class": (OrdinaryClass, None),
    "class-attr": (OrdinaryClass, "method"),
    "partial": (functools.partial(ordinary), None),
    "function-that-awaits": (awaiting, None),
}


# --- Around a view --------------------------------------------------------------------------------


def decorator(view):
    @synchronize
    async def decorated(context, request):
        await pause()
        response = view(context, request)
        await pause()
        response.headers["X-Decorator"] = "awaited"
        return response

    return decorated


class Expected(Exception):
    pass


async def raising(request):
    await pause()
    raise Expected("by a coroutine")


async def on_expected(error, request):
    await pause()
    response = text(f"{error}, {request.exception is error}, {request.exc_info[1] is error}")
    response.status = 418
    return response


async def on_not_found(error, request):
    await pause()
    request.response.status = 404
    return f"nothing at {request.path_info}"


def outer_deriver(view, info):
    if not info.options.get("derived"):
        return view

    @synchronize
    async def derived(context, request):
        await pause()
        response = view(context, request)
        response.headers["X-Derived"] += await after_pause(" outer")
        return response

    return derived


outer_deriver.options = ("derived",)


def inner_deriver(view, info):
    if not info.options.get("derived"):
        return view

    @synchronize
    async def derived(context, request):
        await pause()
        result = view(context, request)
        request.response.headers["X-Derived"] = await after_pause("inner")
        return result

    return derived


async def forbidden(error, request):
    await pause()
    request.response.status = 403
    return f"forbidden: {error.result}"


def includeme(config):
    for name, (view, attr) in COROUTINES.items():
        add(config, f"/coroutine/{name}", view, attr=attr)
    for name, (view, attr) in ORDINARY.items():
        add(config, f"/ordinary/{name}", view, attr=attr)
    for name, view in {"coroutine": one, "ordinary": ordinary}.items():
        add(config, f"/around/decorator/{name}", view, decorator=decorator)
        add(config, f"/around/deriver/{name}", view, derived=True)
        add(config, f"/around/both/{name}", view, decorator=(decorator, decorator), derived=True)
    add(config, "/raising", raising)
    config.add_exception_view(on_expected, context=Expected)
    config.add_notfound_view(on_not_found, renderer="json")
    config.add_forbidden_view(forbidden, renderer="json")
    config.add_view_deriver(outer_deriver, "outer", over="rendered_view")
    config.add_view_deriver(inner_deriver, "inner", under="rendered_view", over="mapped_view")
    config.add_static_view("static", "everything:templates")
