"""An application whose resource tree is of every kind, by aiopyramid_traversal."""

import asyncio
import threading

import pyramid.traversal
from pyramid.config import Configurator
from pyramid.location import lineage

from aiopyramid_core import synchronize, use_executor
from aiopyramid_traversal import ExecutorTraverser, find_resource

from .common import after_pause


class Branch:
    """A location-aware resource that has a child of every kind."""

    def __init__(self, name="", parent=None):
        self.__name__ = name
        self.__parent__ = parent

    def child(self, name):
        return KINDS[name](name, self)


class Ordinary(Branch):
    def __getitem__(self, name):
        return self.child(name)


class Coroutine(Branch):
    async def __getitem__(self, name):
        return await after_pause(self.child(name))


class Synchronized(Branch):
    @synchronize
    async def __getitem__(self, name):
        return await after_pause(self.child(name))


class Generator(Branch):
    def __getitem__(self, name):
        return (yield from after_pause(self.child(name)))


class Threaded(Branch):
    @use_executor
    def __getitem__(self, name):
        return self.child(name)


class Leaf(Branch):
    """A resource without children."""


KINDS = {
    "ordinary": Ordinary,
    "coroutine": Coroutine,
    "synchronized": Synchronized,
    "generator": Generator,
    "threaded": Threaded,
    "leaf": Leaf,
}


class Blocking(Ordinary):
    """A root whose tree is walked in a thread."""

    def child(self, name):
        self.thread = threading.get_ident()
        return super().child(name)


async def root_factory(request):
    return await after_pause(Coroutine())


def paths(resources):
    return [pyramid.traversal.resource_path(resource) for resource in resources]


async def show(context, request):
    """Show what traversal has found."""
    return {
        "view": request.view_name,
        "subpath": request.subpath,
        "traversed": request.traversed,
        "lineage": paths(lineage(context)),
        "virtual root": paths([request.virtual_root]),
        "url": request.resource_path(context),
    }


def ordinary(context, request):
    return paths([pyramid.traversal.find_resource(context, request.params["path"])])


async def coroutine(context, request):
    return paths([pyramid.traversal.find_resource(context, request.params["path"])])


async def children_of_a_group(context, request):
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(find_resource(context, path))
            for path in request.params.getall("path")
        ]
    return paths(task.result() for task in tasks)


def whose_thread(context, request):
    return request.root.thread != request.environ["test.thread"]


def main(global_config=None, **settings):
    with Configurator(settings=settings, root_factory=root_factory) as config:
        config.include("aiopyramid_traversal")
        config.add_traverser(ExecutorTraverser, Blocking)
        config.add_view(show, renderer="json")
        config.add_view(show, name="show", renderer="json")
        for view in (ordinary, coroutine, children_of_a_group):
            config.add_view(view, name=f"find-{view.__name__}", renderer="json")
        for name, pattern in {"star": "/star/*traverse", "mark": "/mark/{traverse}"}.items():
            config.add_route(name, pattern)
            config.add_view(show, route_name=name, renderer="json")
        config.add_route("blocking", "/blocking/*traverse", factory=lambda request: Blocking())
        config.add_view(whose_thread, route_name="blocking", renderer="json")
        return config.make_wsgi_app()
