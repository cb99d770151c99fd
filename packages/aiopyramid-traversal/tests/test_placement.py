"""Where requests for a tree run that has both kinds of views; see README.md."""

import asyncio
import threading

import pytest
from pyramid.config import Configurator
from pyramid.response import Response
from webob import Request


class Node:
    """A resource whose children are made by a synchronous method, and by coroutines below."""

    __name__ = ""
    __parent__ = None

    def __init__(self, request):
        self.threads = request.threads

    def __getitem__(self, name):
        if name in {"edit", "missing"}:
            raise KeyError(name)
        self.threads.append(threading.get_ident())
        return Below(self)


class Below(Node):
    def __init__(self, parent):
        self.__parent__ = parent
        self.threads = parent.threads

    async def __getitem__(self, name):
        await asyncio.sleep(0)
        return Node.__getitem__(self, name)


class Other:
    """Another kind of resource, which is not in the tree."""


async def coroutine(context, request):
    return Response(f"{request.threads[0]} {request.threads[-1]}")


def synchronous(context, request):
    return Response(f"{request.threads[0]} {request.threads[-1]}")


@pytest.fixture
def threads_of(in_greenlet):
    """Return where the first and the last ``__getitem__`` on a path ran: on the loop or not."""

    def threads_of(configure, path):
        config = Configurator(root_factory=Node)
        config.include("aiopyramid_traversal")
        config.add_request_method(lambda request: [], "threads", reify=True)
        configure(config)
        response = in_greenlet(Request.blank(path).get_response, config.make_wsgi_app())
        return [
            "loop" if int(t) == threading.get_ident() else "thread" for t in response.text.split()
        ]

    return threads_of


def all_coroutines(config):
    config.add_view(coroutine)
    config.add_view(coroutine, name="edit")


def synchronous_edit(config):
    config.add_view(coroutine)
    config.add_view(synchronous, name="edit")


def synchronous_default_of_another_kind(config):
    all_coroutines(config)
    config.add_view(synchronous, context=Other)


@pytest.mark.parametrize(
    ("configure", "path", "first"),
    [
        (all_coroutines, "/docs/readme", "loop"),
        (all_coroutines, "/docs/readme/edit", "loop"),
        (synchronous_edit, "/docs/readme", "loop"),
        (synchronous_edit, "/docs/readme/edit", "thread"),
        (synchronous_default_of_another_kind, "/docs/readme", "thread"),
        (synchronous_default_of_another_kind, "/docs/readme/edit", "thread"),
    ],
)
def test_the_views_that_the_path_may_name_decide_where_the_tree_is_walked(
    threads_of, configure, path, first
):
    # The last step is made by a coroutine, which runs on the loop in any case.
    assert threads_of(configure, path) == [first, "loop"]
