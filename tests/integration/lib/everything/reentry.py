"""Synchronous code called by coroutines called by synchronous code, and where that has an end."""

import asyncio
import threading

from aiopyramid_core import ScopeError, run, spawn_greenlet, synchronize, use_executor

from .common import add, after_pause, pause


@synchronize
async def descend(depth):
    """Go down by way of synchronous code."""
    await pause()
    below = ordinary_descend(depth)
    await pause()
    return below + 1


def ordinary_descend(depth):
    return descend(depth - 1) if depth else 0


@synchronize
async def descend_in_threads(depth):
    """Go down by way of executor threads."""
    await pause()
    return 1 + await use_executor(ordinary_descend_in_threads)(depth)


def ordinary_descend_in_threads(depth):
    return descend_in_threads(depth - 1) if depth else 0


def down(request):
    return ordinary_descend(int(request.params["depth"]))


async def down_in_coroutine(request):
    return down(request)


def down_threads(request):
    return ordinary_descend_in_threads(int(request.params["depth"]))


async def down_threads_in_coroutine(request):
    return down_threads(request)


# --- Where nothing can wait -----------------------------------------------------------------------

value = synchronize(after_pause)
lenient = synchronize(after_pause, strict=False)


def refused():
    try:
        return value("never")
    except ScopeError as error:
        return f"ScopeError: {error}"


async def in_child(request):
    async def child():
        return refused()

    return await asyncio.create_task(child())


async def in_greenlet_of_child(request):
    async def child():
        return await spawn_greenlet(value, "waited in a greenlet")

    return await asyncio.create_task(child())


async def lenient_in_child(request):
    async def child():
        coroutine = lenient("awaited by hand")
        return [asyncio.iscoroutine(coroutine), await coroutine]

    return await asyncio.create_task(child())


def lenient_in_view(request):
    return lenient("waited")


def in_plain_thread(function):
    results = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]


def own_thread(request):
    return in_plain_thread(refused)


def lenient_in_own_thread(request):
    return in_plain_thread(lambda: run(value, lenient("x").close() or "closed by hand"))


def run_in_own_thread(request):
    return in_plain_thread(lambda: run(value, "waited by run"))


def includeme(config):
    for name, suffix in {"ordinary": "", "coroutine": "_in_coroutine"}.items():
        add(config, f"/depth/{name}", globals()[f"down{suffix}"])
        add(config, f"/threads/{name}", globals()[f"down_threads{suffix}"])
    for view in (in_child, in_greenlet_of_child, lenient_in_child, lenient_in_view):
        add(config, f"/scope/{view.__name__}", view)
    for view in (own_thread, lenient_in_own_thread, run_in_own_thread):
        add(config, f"/scope/{view.__name__}", view)
