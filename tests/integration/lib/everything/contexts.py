"""Context variables and Pyramid's thread-locals, from everywhere in a request."""

import asyncio
import threading
from contextvars import ContextVar

from pyramid.threadlocal import get_current_registry, get_current_request

from aiopyramid_core import synchronize, use_executor

from .common import add, pause
from .directive import identify

down = ContextVar("down", default="nothing")
up = ContextVar("up", default="nothing")


def tween_factory(handler, registry):
    """A synchronous tween that sets a variable and shows what the view has set."""

    def tween(request):
        if "X-Id" not in request.headers:
            return handler(request)
        down.set(request.headers["X-Id"])
        response = handler(request)
        response.headers["X-Up"] = up.get()
        return response

    return tween


def look(where):
    """Return what there is to see, and leave something behind."""
    request = get_current_request()
    seen = [
        down.get(),
        request.headers.get("X-Id") if request is not None else None,
        request is not None and get_current_registry() is request.registry,
    ]
    up.set(f"{where} of {down.get()}")
    return seen


def ordinary(request):
    return look("ordinary")


async def coroutine(request):
    await pause()
    return look("coroutine")


@synchronize
async def look_later(where):
    await pause()
    return look(where)


def synchronized(request):
    return look_later("synchronized")


async def executor(request):
    return await use_executor(look)("executor")


async def task(request):
    async def child():
        await pause()
        return look("task")

    seen = await asyncio.create_task(child())
    up.set("nothing comes back from a task")
    return seen


async def group(request):
    async with asyncio.TaskGroup() as tasks:
        children = [tasks.create_task(use_executor(look)("group")) for _ in range(3)]
    return [child.result() for child in children]


async def leave_mark(request):
    """Set a variable for the rest of this request."""
    before = up.get()
    up.set("left behind")
    return before


def leave_mark_ordinary(request):
    before = up.get()
    up.set("left behind")
    return before


# --- Many at once ---------------------------------------------------------------------------------


async def meet(request):
    """Wait until so many requests are here, and then tell who this one is."""
    barriers, number = request.registry["barriers"], int(request.params["number"])
    key = ("coroutine", request.params["name"])
    down.set(request.headers["X-Id"])
    async with asyncio.timeout(10):
        await barriers.setdefault(key, asyncio.Barrier(number)).wait()
    await pause()
    return [*look("meet"), up.get()]


def meet_ordinary(request):
    barriers, number = request.registry["barriers"], int(request.params["number"])
    key = ("ordinary", request.params["name"])
    down.set(request.headers["X-Id"])
    barriers.setdefault(key, threading.Barrier(number, timeout=10)).wait()
    return [*look_later("meet"), up.get()]


@synchronize
async def meet_and_use_thread(request):
    await meet(request)
    return await use_executor(threading.current_thread)() is not None


def meet_in_view(request):
    """Keep this thread until so many requests are here, and then want one more, all of them."""
    return meet_and_use_thread(request)


# --- Where it runs --------------------------------------------------------------------------------


async def loop(request):
    return {
        "loop": identify(asyncio.get_running_loop()),
        "same_thread": request.environ["test.thread"] == threading.get_ident(),
        "thread": threading.current_thread().name,
        "library": type(asyncio.get_running_loop()).__module__.partition(".")[0],
    }


def view_thread(request):
    return {"same_thread": request.environ["test.thread"] == threading.get_ident()}


def includeme(config):
    config.registry["barriers"] = {}
    config.add_tween("everything.contexts.tween_factory")
    for view in (ordinary, coroutine, synchronized, executor, task, group):
        add(config, f"/context/{view.__name__}", view)
    add(config, "/mark/coroutine", leave_mark)
    add(config, "/mark/ordinary", leave_mark_ordinary)
    add(config, "/meet/coroutine", meet)
    add(config, "/meet/ordinary", meet_ordinary)
    add(config, "/meet/then-use-thread", meet_in_view)
    add(config, "/loop", loop)
    add(config, "/view-thread", view_thread)
