"""executor: call_in_thread."""

import asyncio
import sys
import threading
import traceback
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

import pytest
from pyramid.threadlocal import get_current_request, manager

from aiopyramid_core import call_in_thread, call_off_loop, spawn_greenlet

colour: ContextVar[str] = ContextVar("colour", default="none")


@pytest.fixture
def pool():
    with ThreadPoolExecutor(1, thread_name_prefix="own") as pool:
        yield pool


def thread_name():
    return threading.current_thread().name


def test_the_function_runs_in_another_thread(run):
    async def main():
        return await call_in_thread(None, threading.current_thread)

    assert run(main) is not threading.current_thread()


def test_the_function_runs_in_the_pool_that_is_named(run, pool):
    async def main():
        return await call_in_thread(pool, thread_name)

    assert run(main) == "own_0"


def test_arguments_are_passed_on_whatever_their_names(run):
    def collect(*args, **kwargs):
        return args, kwargs

    async def main():
        return await call_in_thread(None, collect, 1, executor=2, function=3, loop=4)

    assert run(main) == ((1,), {"executor": 2, "function": 3, "loop": 4})


def test_the_loop_serves_others_while_the_thread_is_busy(run):
    async def main():
        release = threading.Event()
        asyncio.get_running_loop().call_soon(release.set)
        return await call_in_thread(None, release.wait, 30)

    assert run(main) is True


def test_the_thread_sees_the_callers_context_variables_and_changes_them(run):
    def repaint():
        seen = colour.get()
        colour.set("blue")
        return seen

    async def main():
        colour.set("red")
        return await call_in_thread(None, repaint), colour.get()

    assert run(main) == ("red", "blue")


def test_what_the_thread_changed_before_it_failed_comes_back(run):
    def repaint():
        colour.set("blue")
        raise KeyError

    async def main():
        with pytest.raises(KeyError):
            await call_in_thread(None, repaint)
        return colour.get()

    assert run(main) == "blue"


def test_synchronous_code_in_a_greenlet_sees_what_the_thread_changed(run):
    def ordinary():
        call_off_loop(colour.set, "blue")
        return colour.get()

    async def main():
        return await spawn_greenlet(ordinary)

    assert run(main) == "blue"


def test_a_pool_keeps_nothing_of_one_call_for_the_next(run, pool):
    async def main():
        await asyncio.create_task(call_in_thread(pool, colour.set, "blue"))
        return await asyncio.create_task(call_in_thread(pool, colour.get))

    assert run(main) == "none"


def test_the_thread_sees_pyramids_thread_locals(run, application):
    application(lambda config: None)
    request = object()

    def ordinary():
        manager.push({"request": request, "registry": None})
        try:
            return call_off_loop(get_current_request)
        finally:
            manager.pop()

    async def main():
        return await spawn_greenlet(ordinary)

    assert run(main) is request


@pytest.mark.parametrize("error", [KeyError("x"), BaseException("base"), asyncio.CancelledError()])
def test_what_the_function_raises_reaches_the_caller(run, error):
    def fail():
        raise error

    async def main():
        with pytest.raises(type(error)) as caught:
            await call_in_thread(None, fail)
        return caught.value

    assert run(main) is error


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_an_exit_out_of_a_thread_can_be_handled(run, error):
    def ordinary():
        with pytest.raises(error):
            call_off_loop(leave)
        return "stayed"

    def leave():
        raise error

    async def main():
        return await spawn_greenlet(ordinary)

    assert run(main) == "stayed"


def test_a_stop_iteration_out_of_a_thread_is_an_error_as_in_any_coroutine(run):
    async def main():
        with pytest.raises(RuntimeError, match="coroutine raised StopIteration") as caught:
            await asyncio.wait_for(call_in_thread(None, next, iter(())), 30)
        return type(caught.value.__cause__)

    assert run(main) is StopIteration


def test_the_traceback_names_the_function_that_failed_in_the_thread(run):
    def the_failing_function():
        raise KeyError

    async def main():
        with pytest.raises(KeyError) as caught:
            await call_in_thread(None, the_failing_function)
        return [frame.name for frame in traceback.extract_tb(caught.tb)]

    assert "the_failing_function" in run(main)


def test_an_exception_out_of_a_thread_has_the_context_that_a_plain_call_gives_it(run):
    def fail():
        try:
            raise KeyError("first")
        except KeyError:
            raise ValueError("second")  # noqa: B904 - the implicit context is what is tested

    async def plainly():
        fail()

    async def contexts_of(awaitable):
        try:
            raise RuntimeError("handled")
        except RuntimeError:
            with pytest.raises(ValueError, match="second") as caught:
                await awaitable
        context = caught.value.__context__
        return repr(context), repr(context.__context__)

    async def main():
        return [await contexts_of(plainly()), await contexts_of(call_in_thread(None, fail))]

    expected, found = run(main)
    assert found == expected


def test_a_cancelled_caller_goes_on_at_once_and_the_thread_finishes_alone(run):
    finished = threading.Event()

    async def main():
        started, release = asyncio.Event(), threading.Event()
        loop = asyncio.get_running_loop()

        def blocking():
            loop.call_soon_threadsafe(started.set)
            release.wait(30)
            finished.set()

        task = asyncio.create_task(call_in_thread(None, blocking))
        await started.wait()
        task.cancel()
        await asyncio.wait([task])
        was_finished = finished.is_set()
        release.set()
        return task.cancelled(), was_finished

    assert run(main) == (True, False)
    assert finished.is_set()


def test_a_result_is_not_kept_by_the_thread(run):
    class Thing:
        pass

    async def main():
        return weakref.ref(await call_in_thread(None, Thing))

    assert run(main)() is None


def test_the_thread_sees_the_exception_that_its_caller_handles(run):
    # Exception views ask for it, traceback.format_exc() for example.
    async def main():
        error = RuntimeError()
        try:
            raise error
        except RuntimeError:
            return await call_in_thread(None, sys.exception) is error

    assert run(main) is True


def test_a_thread_handles_no_exception_when_its_caller_handles_none(run):
    async def main():
        return await call_in_thread(None, sys.exception)

    assert run(main) is None
