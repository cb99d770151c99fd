"""threadlocals: Pyramid's thread-locals, one stack per context."""

import asyncio
import contextvars
import subprocess
import sys
import threading

import pyramid.testing
import pytest
from pyramid.registry import global_registry
from pyramid.threadlocal import (
    RequestContext,
    get_current_registry,
    get_current_request,
    manager,
)

from aiopyramid_core import await_, call_in_thread, call_off_loop, spawn_greenlet
from aiopyramid_core._isolation.threadlocals import ContextLocalManager, install


@pytest.fixture(autouse=True)
def installed():
    """Install, and leave the stack of the tests' own thread as it was."""
    install()
    before = manager.stack
    yield
    manager.stack = before


def entry(name):
    return {"request": name, "registry": f"registry of {name}"}


class serving:
    """The pushes and pops of Pyramid's router around a request."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        manager.push(entry(self.name))

    def __exit__(self, *error):
        manager.pop()


def in_new_thread(function):
    """Return what a function returns that is called in a thread of its own."""
    results = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]


# --- The manager's interface ----------------------------------------------------------------------


def test_without_an_entry_the_defaults_are_given():
    assert get_current_request() is None
    assert get_current_registry() is global_registry


def test_the_innermost_entry_is_the_current_one():
    with serving("outer"):
        with serving("inner"):
            assert get_current_request() == "inner"
            assert get_current_registry() == "registry of inner"
        assert get_current_request() == "outer"


def test_popping_returns_the_entry_and_none_when_there_is_none():
    manager.push(entry("a"))
    assert (manager.pop(), manager.pop()) == (entry("a"), None)


def test_set_is_push_under_its_old_name():
    manager.set(entry("a"))
    assert manager.stack == [entry("a")]


def test_the_stack_is_readable_the_innermost_entry_last():
    with serving("outer"), serving("inner"):
        assert manager.stack == [entry("outer"), entry("inner")]


def test_changing_what_was_read_changes_nothing():
    manager.stack.append(entry("a"))
    assert manager.stack == []


def test_the_stack_may_be_replaced():
    manager.stack = [entry("a"), entry("b")]
    assert manager.pop() == entry("b")


def test_clear_removes_all_entries():
    manager.stack = [entry("a"), entry("b")]
    manager.clear()
    assert manager.stack == []


def test_pyramids_request_context_works():
    request = pyramid.testing.DummyRequest()
    request.registry = "registry"
    with RequestContext(request):
        assert get_current_request() is request
    assert get_current_request() is None


def test_setting_up_and_tearing_down_a_unit_test_works():
    request = pyramid.testing.DummyRequest()
    config = pyramid.testing.setUp(request=request)
    assert get_current_request() is request
    assert get_current_registry() is config.registry
    pyramid.testing.tearDown()
    assert get_current_request() is None
    assert get_current_registry() is global_registry


# --- Greenlets, tasks and threads -----------------------------------------------------------------


def test_greenlets_in_turns_never_see_each_others_request(run):
    seen = []

    def ordinary(name, mine, others):
        with serving(name):
            before = get_current_request()
            others.set()
            await_(mine.wait())
            seen.append((name, before, get_current_request()))
        seen.append((name, get_current_request()))

    async def main():
        first, second = asyncio.Event(), asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(spawn_greenlet(ordinary, "first", first, second))
            group.create_task(spawn_greenlet(ordinary, "second", second, first))

    run(main)
    assert set(seen) == {
        ("first", "first", "first"),
        ("first", None),
        ("second", "second", "second"),
        ("second", None),
    }


def test_a_coroutine_sees_the_request_of_the_code_that_awaits_it(run):
    async def coroutine():
        before = get_current_request()
        await asyncio.sleep(0)
        return before, get_current_request()

    def ordinary():
        with serving("mine"):
            return await_(coroutine())

    async def main():
        return await spawn_greenlet(ordinary)

    assert run(main) == ("mine", "mine")


def test_a_child_task_sees_the_request_after_that_has_ended_too(run):
    async def child(ended):
        before = get_current_request()
        await ended.wait()
        return before, get_current_request()

    async def start(ended):
        return asyncio.create_task(child(ended))

    def ordinary(ended):
        with serving("mine"):
            return await_(start(ended))

    async def main():
        ended = asyncio.Event()
        task = await spawn_greenlet(ordinary, ended)
        ended.set()
        return *await task, get_current_request()

    assert run(main) == ("mine", "mine", None)


def test_what_a_child_task_pushes_its_parent_does_not_see(run):
    async def child():
        manager.push(entry("child's"))

    async def main():
        with serving("parent's"):
            await asyncio.create_task(child())
            return get_current_request()

    assert run(main) == "parent's"


def test_an_executor_thread_sees_the_request(run):
    def ordinary():
        with serving("mine"):
            return call_off_loop(get_current_request)

    async def main():
        return await spawn_greenlet(ordinary)

    assert run(main) == "mine"


def test_what_an_executor_thread_pushes_its_caller_sees(run):
    async def main():
        await call_in_thread(None, manager.push, entry("thread's"))
        return get_current_request()

    assert run(main) == "thread's"


def test_an_executor_thread_forgets_the_request_when_its_call_has_ended(run):
    async def main():
        loop = asyncio.get_running_loop()
        with serving("mine"):
            await call_in_thread(None, get_current_request)
        # The default executor keeps the idle thread and uses it again.
        return await loop.run_in_executor(None, get_current_request)

    assert run(main) is None


def test_another_thread_has_a_stack_of_its_own():
    with serving("mine"):
        assert in_new_thread(get_current_request) is None


def test_the_first_touch_in_a_new_thread_leaves_the_entries_of_its_context_alone():
    with serving("mine"):
        context = contextvars.copy_context()

    def touch():
        return context.run(lambda: (get_current_request(), manager.stack))

    assert in_new_thread(touch) == ("mine", [entry("mine")])


# --- Installing -----------------------------------------------------------------------------------


def execute(program):
    """Run a program in a fresh process, where nothing is installed yet."""
    finished = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=False
    )
    assert finished.stderr == ""
    return finished.stdout.split()


def test_the_very_instance_changes_because_other_modules_hold_it():
    import pyramid.config
    import pyramid.testing

    assert type(pyramid.config.manager) is ContextLocalManager
    assert pyramid.config.manager is pyramid.testing.manager is manager


def test_installing_again_changes_nothing():
    with serving("mine"):
        install()
        assert manager.stack == [entry("mine")]


def test_importing_the_package_installs_nothing():
    assert execute("""
import aiopyramid_core, pyramid.threadlocal
print(type(pyramid.threadlocal.manager).__name__)
""") == ["ThreadLocalManager"]


def test_installing_carries_over_the_entries_that_are_there():
    assert execute("""
from pyramid.config import Configurator
from pyramid.threadlocal import get_current_registry, get_current_request, manager
from pyramid.registry import global_registry

with Configurator() as config:
    manager.push({"request": "innermost", "registry": config.registry})
    config.include("aiopyramid_core")
    print(type(manager).__name__, len(manager.stack), get_current_request())
    manager.pop()
    print(get_current_registry() is config.registry)
print(get_current_registry() is global_registry)
""") == ["ContextLocalManager", "2", "innermost", "True", "True"]


def test_a_thread_that_used_the_old_manager_gets_the_defaults():
    assert execute("""
import threading
from pyramid.threadlocal import get_current_request, manager
from aiopyramid_core._isolation.threadlocals import install

def thread():
    manager.push({"request": "old", "registry": None})
    pushed.set()
    installed.wait()
    print(get_current_request())

pushed, installed = threading.Event(), threading.Event()
other = threading.Thread(target=thread)
other.start()
pushed.wait()
install()
installed.set()
other.join()
""") == ["None"]
