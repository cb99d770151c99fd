"""An application in which every request looks, at each step, whether it is still itself.

A request carries its id in the query. It is put into a context variable and into the session, the
policy takes the user from a header, and all of that is compared with what the thread-locals, the
context variable, the session and the policy say at every point where another request may have had
its turn: in tweens, predicates and the traversal, in coroutine views and in threads, in tasks, in
renderers and while the body is produced.
"""

import asyncio
import gc
import os
import sys
import threading
import time
from contextvars import ContextVar

import greenlet
from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPForbidden
from pyramid.request import Request
from pyramid.response import Response
from pyramid.session import SignedCookieSessionFactory
from pyramid.threadlocal import get_current_registry, get_current_request

from aiopyramid_core import await_, call_in_thread, can_await, spawn, spawn_greenlet, synchronize

current_id = ContextVar("current_id")


class MixedUpError(Exception):
    """A request has met another one."""


class Expected(Exception):
    """Has an exception view."""


def check(request, where):
    """Raise unless everything that is per request says that this is ``request``."""
    own = request.params["id"]
    current = get_current_request()
    facts = {
        "thread-locals": current is request,
        "registry": get_current_registry() is request.registry,
        "context variable": current_id.get(None) == own,
        "session": request.session.get("id") == own,
        "user": request.session.get("user") == request.headers["X-User"],
    }
    if not all(facts.values()):
        raise MixedUpError(f"request {own}, {where}: {facts}, {current_id.get(None)}, {current}")


async def moment():
    """Give others their turn: at once, or after a while."""
    await asyncio.sleep(0 if os.urandom(1)[0] < 128 else 0.001)


# --- Around the view ------------------------------------------------------------------------------


@synchronize
async def begin(request):
    session = request.session
    if "id" in session and session["user"] != request.headers["X-User"]:
        raise MixedUpError(f"the session of {session['user']}")
    await moment()
    session["before"] = session.get("id")
    session["id"] = request.params["id"]
    session["user"] = request.headers["X-User"]


@synchronize
async def end(request):
    await moment()
    check(request, "at the end of the tween")


def async_tween_factory(handler, registry):
    def async_tween(request):
        if request.path_info.startswith("/-/"):
            return handler(request)
        current_id.set(request.params["id"])
        begin(request)
        check(request, "in the tween")
        response = handler(request)
        end(request)
        return response

    return async_tween


@synchronize
class Policy:
    async def identity(self, request):
        check(request, "in the policy")
        await moment()
        check(request, "in the policy, later")
        return request.headers["X-User"]

    async def authenticated_userid(self, request):
        return self.name_of(request)  # synchronized, as all methods of this class

    async def name_of(self, request):
        await moment()
        return request.headers["X-User"]

    async def permits(self, request, context, permission):
        await moment()
        return request.identity == request.session["user"] and context.id == request.params["id"]


class Resource:
    """A node of the traversal; to look up a child takes time."""

    def __init__(self, request, name=""):
        self.request = request
        self.name = self.__name__ = name
        self.id = current_id.get(None)

    @synchronize
    async def __getitem__(self, name):
        check(self.request, "in the traversal")
        await moment()
        check(self.request, "in the traversal, later")
        if name != "node":
            raise KeyError(name)
        return Resource(self.request, name)


def root_factory(request):
    if not request.path_info.startswith("/-/"):
        await_(moment())
        check(request, "in the root factory")
    return Resource(request)


# --- Views ----------------------------------------------------------------------------------------


def answer(request):
    return {
        "id": current_id.get(),
        "user": request.authenticated_userid,
        "before": request.session["before"],
    }


async def coroutine(context, request):
    check(request, "in the coroutine view")
    await moment()
    check(request, "in the coroutine view, later")
    return answer(request)


def ordinary(context, request):
    check(request, "in the thread")
    time.sleep(0.001)
    check(request, "in the thread, later")
    return answer(request)


def ordinary_that_awaits(context, request):
    check(request, "in the thread")
    end(request)
    current_id.set("changed in the thread")
    await_(moment())
    current_id.set(request.params["id"])
    return answer(request)


class OfAClass:
    def __init__(self, context, request):
        self.request = request

    async def view(self):
        await moment()
        check(self.request, "in a method")
        return answer(self.request)


async def with_tasks(context, request):
    async def child(number):
        await moment()
        check(request, "in a task")
        current_id.set("changed in the task")
        await moment()
        return number

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(child(number)) for number in range(3)]
    assert [task.result() for task in tasks] == [0, 1, 2]
    return answer(request)


async def with_thread(context, request):
    def work():
        check(request, "in a thread of a coroutine")
        end(request)
        return current_id.get()

    assert await call_in_thread(None, work) == request.params["id"]
    return answer(request)


async def with_background_task(context, request):
    async def later():
        await moment()
        assert current_id.get() == request.params["id"]

    spawn(later())
    return answer(request)


async def raises(context, request):
    await moment()
    raise Expected


def raises_in_thread(context, request):
    time.sleep(0.001)
    raise HTTPForbidden()


def exception_view(error, request):
    check(request, "in the exception view")
    return answer(request)


async def streamed(context, request):
    own, said = request.params["id"], answer(request)

    async def parts():
        for _ in range(5):
            await moment()
            assert current_id.get() == own
            yield f"{current_id.get()} ".encode()
        yield f"{said['user']} {said['before']}".encode()

    return Response(app_iter=parts(), content_type="text/plain")


def iterated(context, request):
    own, said = request.params["id"], answer(request)

    def parts():
        for _ in range(5):
            time.sleep(0.0005)
            assert current_id.get() == own
            yield f"{current_id.get()} ".encode()
        yield f"{said['user']} {said['before']}".encode()

    return Response(app_iter=parts(), content_type="text/plain")


# --- Introspection, below /-/ ---------------------------------------------------------------------


async def fill_pools(request):
    """Use more greenlets at once than are ever kept, and all threads of the loop's executor."""
    size = int(request.params["size"])
    start, start_threads = asyncio.Event(), threading.Event()

    def work():
        # Every thread that has asked this has a main greenlet from then on.
        assert can_await()
        assert start_threads.wait(20)

    tasks = [asyncio.create_task(spawn_greenlet(await_, start.wait())) for _ in range(size)]
    tasks += [asyncio.create_task(call_in_thread(None, work)) for _ in range(size)]
    await moment()
    start.set()
    start_threads.set()
    await asyncio.gather(*tasks)
    return {}


_crowd: list[object] = []  # to append is atomic


def fill_server_threads(request):
    """Wait until as many requests are here as the test sends: each has a thread."""
    _crowd.append(request.path)
    deadline = time.monotonic() + 20
    while len(_crowd) < int(request.params["size"]):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return {}


def is_made_by_code(item):
    """Return whether an object is a greenlet that somebody has made.

    Each thread also has one from when code in it first asks for the current one.
    """
    if not isinstance(item, greenlet.greenlet):
        return False
    return type(item) is not greenlet.greenlet or item.parent is not None


async def census(request):
    """Count what there is in this process."""
    gc.collect()
    objects = gc.get_objects()
    with open("/proc/self/statm") as statm:
        resident_pages = int(statm.read().split()[1])
    return {
        "greenlets": sum(map(is_made_by_code, objects)),
        "requests": sum(isinstance(item, Request) for item in objects),
        "tasks": len(asyncio.all_tasks()),
        "threads": threading.active_count(),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "blocks": sys.getallocatedblocks(),
        "resident_bytes": resident_pages * os.sysconf("SC_PAGE_SIZE"),
    }


VIEWS = {
    "coroutine": coroutine,
    "ordinary": ordinary,
    "ordinary_that_awaits": ordinary_that_awaits,
    "with_tasks": with_tasks,
    "with_thread": with_thread,
    "with_background_task": with_background_task,
    "raises": raises,
    "raises_in_thread": raises_in_thread,
}


def main(global_config=None, **settings):
    config = Configurator(settings=settings, root_factory=root_factory)
    config.include("aiopyramid_core")
    config.set_security_policy(Policy())
    config.set_session_factory(SignedCookieSessionFactory("not a secret"))
    config.add_tween("stressed.async_tween_factory")
    for name, view in VIEWS.items():
        config.add_view(view, name=name, context=Resource, renderer="json", permission="view")
    config.add_view(OfAClass, attr="view", name="of_a_class", renderer="json", permission="view")
    config.add_view(streamed, name="streamed", context=Resource, permission="view")
    config.add_view(iterated, name="iterated", context=Resource, permission="view")
    config.add_view(exception_view, context=Expected, renderer="json")
    config.add_forbidden_view(exception_view, renderer="json")
    for view in (fill_pools, fill_server_threads, census):
        config.add_route(view.__name__, f"/-/{view.__name__}")
        config.add_view(view, route_name=view.__name__, renderer="json")
    return config.make_wsgi_app()
