"""traverser: whatever Pyramid's own traverser answers, these answer."""

import asyncio
import threading

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pyramid.interfaces import VH_ROOT_KEY, ITraverser
from pyramid.request import Request
from pyramid.traversal import ResourceTreeTraverser, resource_path
from zope.interface.verify import verifyClass, verifyObject

from aiopyramid_traversal import AsyncioTraverser, ExecutorTraverser

OURS = pytest.mark.parametrize("traverser", [AsyncioTraverser, ExecutorTraverser])
RESOURCES = ("context", "root", "virtual_root")


def outcome(call, *args):
    """Return what a traverser found, with paths for resources, or what it raised."""
    try:
        found = call(*args)
    except Exception as error:
        return type(error), error.args
    return found | {name: resource_path(found[name]) for name in RESOURCES}


def make_request(path_info, virtual_root, matchdict):
    request = Request.blank("/")
    request.matchdict = matchdict
    del request.environ["PATH_INFO"]
    if path_info is not None:
        request.environ["PATH_INFO"] = path_info
    if virtual_root is not None:
        request.environ[VH_ROOT_KEY] = virtual_root
    return request


# --- What a request can ask for -------------------------------------------------------------------

names = st.sampled_from(["a", "b", "ü", "a b", "@@", "@@a", "@@@a", "@", ".", "..", "", "%61"])
errors = st.sampled_from([ValueError("wrong"), AttributeError("slip"), KeyError("none")])
trees = st.recursive(
    st.dictionaries(names, st.none() | errors, max_size=2),
    lambda inner: st.dictionaries(names, inner | st.none() | errors, min_size=1, max_size=4),
    max_leaves=12,
)
texts = st.lists(names, max_size=6).flatmap(
    lambda found: st.sampled_from(["/".join(found), "/" + "/".join(found)])
)
# As a server puts them into the environ: bytes behind Latin-1, UTF-8 or not.
wsgi_texts = texts.map(lambda text: text.encode().decode("latin-1")) | st.just("/a/\u00ff")
matches = st.fixed_dictionaries(
    {},
    optional={
        "traverse": st.none() | texts | st.lists(names, max_size=4).map(tuple),
        "subpath": texts | st.lists(names, max_size=3).map(tuple),
        "other": st.just("x"),
    },
)


@OURS
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    children=trees,
    path_info=st.none() | wsgi_texts,
    virtual_root=st.none() | wsgi_texts,
    matchdict=st.none() | matches,
)
@example({"a": {"b": {}}}, "/b/c/d", "/a", None)
@example({"a": {"b": {}}}, "/b/@@c/d", "/a", None)
@example({"a": {}}, "/c", "/b/a", None)
@example({"a": {"b": {}}}, "/ignored", "/a", {"traverse": ("b",), "subpath": "x/y"})
def test_it_answers_as_pyramids_own(
    traverser, tree, grow, in_greenlet, children, path_info, virtual_root, matchdict
):
    pyramids = ResourceTreeTraverser(grow(children, "ordinary"))
    expected = outcome(pyramids, make_request(path_info, virtual_root, matchdict))

    request = make_request(path_info, virtual_root, matchdict)
    assert outcome(in_greenlet, traverser(tree(children)), request) == expected


@OURS
def test_a_subclass_may_choose_the_view_selector_and_the_key(traverser, grow, in_greenlet):
    class Own:
        VIEW_SELECTOR = "++"
        VH_ROOT_KEY = "my.root"

    request = Request.blank("/@@b/++c", environ={"my.root": "/a"})
    request.matchdict = None
    children = {"a": {"@@b": {"++c": None}}}

    found = []
    for base in (traverser, ResourceTreeTraverser):
        own = type("OwnTraverser", (Own, base), {})
        found.append(outcome(in_greenlet, own(grow(children, "ordinary")), request))

    assert found[0] == found[1]
    assert found[0]["context"] == "/a/@@b"
    assert (found[0]["view_name"], found[0]["virtual_root"]) == ("c", "/a")


@OURS
def test_it_is_a_traverser_to_zope_interface(traverser):
    assert verifyClass(ITraverser, traverser)
    assert verifyObject(ITraverser, traverser(object()))


# --- What Pyramid's own cannot do -----------------------------------------------------------------


def blank(path):
    request = Request.blank(path)
    request.matchdict = None
    return request


@OURS
def test_the_root_may_be_awaitable_and_the_traverser_called_twice(traverser, grow, in_greenlet):
    async def root_factory():
        await asyncio.sleep(0)
        return grow({"a": {"b": None}}, "coroutine")

    def both():
        traverse = traverser(root_factory())
        return [outcome(traverse, blank(path)) for path in ("/a", "/a/b")]

    first, second = in_greenlet(both)
    assert (first["root"], first["context"]) == ("/", "/a")
    assert second["context"] == "/a/b"


class WhereAmI:
    def __getitem__(self, name):
        return threading.get_ident()


class WhereIsTheLoop:
    async def __getitem__(self, name):
        return threading.get_ident()


def test_a_synchronous_getitem_runs_where_the_traverser_is_called(in_greenlet):
    found = in_greenlet(AsyncioTraverser(WhereAmI()), blank("/a"))
    assert found["context"] == threading.get_ident()


def test_the_executor_traverser_walks_in_a_thread_and_awaits_on_the_loop(in_greenlet):
    found = in_greenlet(ExecutorTraverser(WhereAmI()), blank("/a"))
    assert found["context"] != threading.get_ident()

    found = in_greenlet(ExecutorTraverser(WhereIsTheLoop()), blank("/a"))
    assert found["context"] == threading.get_ident()


def test_outside_of_an_event_loop_the_executor_traverser_stays_where_it_is():
    assert ExecutorTraverser(WhereAmI())(blank("/a"))["context"] == threading.get_ident()
