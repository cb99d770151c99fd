"""_walk: from resource to resource, with every kind of ``__getitem__``."""

import asyncio
import time

import pytest
from pyramid.traversal import resource_path

from aiopyramid_core import spawn_greenlet, use_executor
from aiopyramid_core.watchdog import Watchdog
from aiopyramid_traversal._walk import walk

CHILDREN = {"a": {"b": {"c": None}}}


def names(path):
    return tuple(path.split("/"))


@pytest.fixture
def walked(in_greenlet):
    """Walk, and show the resources by their paths."""

    def walked(root, path, virtual_root_steps=0):
        stop = in_greenlet(walk, root, names(path), virtual_root_steps, "@@")
        return (
            resource_path(stop.resource),
            resource_path(stop.virtual_root),
            stop.steps,
            stop.view_name,
        )

    return walked


def test_it_walks_as_far_as_there_are_names(walked, tree):
    assert walked(tree(CHILDREN), "a/b") == ("/a/b", "/", 2, None)


def test_a_name_that_nobody_has_ends_it(walked, tree):
    assert walked(tree(CHILDREN), "a/missing/b") == ("/a", "/", 1, "missing")


def test_a_resource_without_children_ends_it(walked, tree):
    assert walked(tree(CHILDREN), "a/b/c/d/e") == ("/a/b/c", "/", 3, "d")


def test_the_view_selector_ends_it_even_where_there_is_such_a_child(walked, tree):
    root = tree({"a": {"@@b": None}})
    assert walked(root, "a/@@b/c") == ("/a", "/", 1, "b")


def test_it_tells_the_virtual_root(walked, tree):
    assert walked(tree(CHILDREN), "a/b/c", 2) == ("/a/b/c", "/a/b", 3, None)


def test_a_virtual_root_that_is_not_there_is_the_root(walked, tree):
    assert walked(tree(CHILDREN), "a/missing/c", 2) == ("/a", "/", 1, "missing")


def test_other_errors_than_key_errors_are_raised(walked, tree):
    with pytest.raises(IndexError, match="broken"):
        walked(tree({"a": {"b": IndexError("broken")}}), "a/b")


def test_an_attribute_error_within_getitem_is_not_taken_for_a_leaf(walked, tree):
    with pytest.raises(AttributeError, match="slip"):
        walked(tree({"a": {"b": AttributeError("slip")}}), "a/b")


def test_a_getitem_may_be_an_attribute_of_the_instance(walked, grow):
    root = grow(CHILDREN, "ordinary")
    root.__getitem__ = {"a": root}.__getitem__
    assert walked(root, "a/b") == ("/", "/", 1, "b")


def test_what_is_there_already_may_be_given_as_a_future(in_greenlet, grow):
    class Cache:
        def __getitem__(self, name):
            future = asyncio.get_running_loop().create_future()
            future.set_result(name.upper())
            return future

    assert in_greenlet(walk, Cache(), ("a",), 0, "@@").resource == "A"


def test_a_blocking_getitem_may_run_in_a_thread_of_its_own(in_greenlet):
    class Disk:
        @use_executor
        def __getitem__(self, name):
            with pytest.raises(RuntimeError):
                asyncio.get_running_loop()
            return name.upper()

    assert in_greenlet(walk, Disk(), ("a",), 0, "@@").resource == "A"


def test_a_synchronous_getitem_may_return_a_generator(in_greenlet):
    generator = (number for number in (1, 2))

    class Odd:
        def __getitem__(self, name):
            return generator

    assert in_greenlet(walk, Odd(), ("a",), 0, "@@").resource is generator


def test_while_one_walk_waits_others_go_on(grow):
    async def main():
        everybody = asyncio.Barrier(3)

        class Meeting:
            async def __getitem__(self, name):
                await everybody.wait()  # alone, it would wait forever
                return name.upper()

        walks = (spawn_greenlet(walk, Meeting(), (name,), 0, "@@") for name in "abc")
        return await asyncio.wait_for(asyncio.gather(*walks), 20)

    assert [stop.resource for stop in asyncio.run(main())] == ["A", "B", "C"]


def test_a_cancelled_request_cancels_the_coroutine_that_it_waits_for():
    async def main():
        began, told = asyncio.Event(), []

        class Endless:
            async def __getitem__(self, name):
                began.set()
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    told.append("cancelled")
                    raise

        task = asyncio.create_task(spawn_greenlet(walk, Endless(), ("a",), 0, "@@"))
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return told

    assert asyncio.run(main()) == ["cancelled"]


class Blocking:
    async def __getitem__(self, name):
        time.sleep(0.5)
        raise KeyError(name)


def test_a_resource_that_blocks_the_loop_is_named_by_the_watchdog(caplog):
    async def main():
        watchdog = Watchdog(0.1)
        watchdog.start()
        try:
            await spawn_greenlet(walk, Blocking(), names("a"), 0, "@@")
        finally:
            watchdog.stop()

    asyncio.run(main())
    (report,) = [record.message for record in caplog.records]
    assert f" by {__name__}.Blocking.__getitem__ ({__file__}:" in report
