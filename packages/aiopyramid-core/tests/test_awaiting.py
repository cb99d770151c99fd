"""awaiting: where synchronous code can wait, and what happens where it cannot."""

import asyncio
import inspect
import threading

import pyramid.testing
import pytest
from pyramid.request import Request

import aiopyramid_core
from aiopyramid_core import ScopeError, await_, call_in_thread, can_await, spawn_greenlet
from aiopyramid_core import run as run_script
from aiopyramid_core._bridge import process_loop as _process_loop
from aiopyramid_core.servers import adopt_loop

ON_THE_LOOP = (
    "Cannot wait for answer on the event loop's own thread outside of a greenlet. In a coroutine,"
    " await it directly; if synchronous code in between prevents that, start the outermost"
    " synchronous function with 'await aiopyramid_core.spawn_greenlet(function, ...)'."
)
IN_A_THREAD = (
    "Cannot wait for answer in a thread that serves no request. In a script, call the outermost"
    " function with 'aiopyramid_core.run(function, ...)'."
)


async def answer():
    await asyncio.sleep(0)
    return 42


def in_new_thread(function):
    """Return what a function returns that is called in a thread of its own."""
    results = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]


def refusal(awaitable):
    with pytest.raises(ScopeError) as caught:
        await_(awaitable)
    return caught.value


# --- Where it works -------------------------------------------------------------------------------


def test_it_waits_in_a_greenlet(run):
    async def main():
        return await spawn_greenlet(lambda: (can_await(), await_(answer())))

    assert run(main) == (True, 42)


def test_it_waits_in_a_thread_that_the_loop_started(run):
    async def main():
        return await call_in_thread(None, lambda: (can_await(), await_(answer())))

    assert run(main) == (True, 42)


def test_it_waits_in_a_coroutine_that_synchronous_code_awaits(run):
    async def coroutine():
        return can_await(), await_(answer())

    async def main():
        return await spawn_greenlet(lambda: await_(coroutine()))

    assert run(main) == (True, 42)


def test_it_waits_in_a_thread_whose_server_has_no_loop_during_a_request():
    with pyramid.testing.testConfig(request=Request.blank("/")):
        assert (can_await(), await_(answer())) == (True, 42)


def test_no_request_is_served_any_more_when_the_request_has_ended():
    with pyramid.testing.testConfig(request=Request.blank("/")):
        pass
    assert can_await() is False


# --- Scripts --------------------------------------------------------------------------------------


def test_a_script_runs_a_function_that_waits():
    def ordinary(number, *, add):
        return await_(answer()) + number + add

    assert run_script(ordinary, 1, add=2) == 45


def test_a_script_runs_its_function_in_its_own_thread():
    assert run_script(threading.current_thread) is threading.current_thread()


def test_what_the_function_of_a_script_raises_is_raised():
    with pytest.raises(ZeroDivisionError):
        run_script(divmod, 1, 0)


def test_all_calls_of_a_script_share_one_loop():
    async def loop():
        return asyncio.get_running_loop()

    assert run_script(await_, loop()) is run_script(await_, loop())


def test_after_the_function_of_a_script_nothing_can_wait_any_more():
    assert run_script(can_await) is True
    assert can_await() is False


def test_a_script_on_a_loop_is_told_what_to_do_instead(run):
    async def main():
        with pytest.raises(ScopeError) as caught:
            run_script(threading.current_thread)
        return str(caught.value)

    assert run(main) == (
        "Cannot wait for current_thread on the event loop's own thread. In a coroutine, write"
        " 'await aiopyramid_core.spawn_greenlet(function, ...)'."
    )


@pytest.fixture
def adopted(monkeypatch):
    """A loop that a server has adopted but does not run yet."""
    monkeypatch.setattr(_process_loop, "_current", _process_loop._ProcessLoop([]))
    with asyncio.Runner() as runner:
        adopt_loop(runner.get_loop())
        yield runner.get_loop()


def test_while_a_server_loads_the_application_a_function_may_wait_on_the_servers_loop(adopted):
    async def loop():
        await asyncio.sleep(0)
        return asyncio.get_running_loop()

    assert run_script(lambda: await_(loop())) is adopted


def test_while_a_server_loads_the_application_nothing_else_can_wait(adopted):
    with pyramid.testing.testConfig(request=Request.blank("/")):
        assert can_await() is False


# --- Where it does not ----------------------------------------------------------------------------


def test_a_coroutine_outside_of_a_greenlet_cannot_wait(run):
    async def main():
        return can_await(), refusal(answer())

    possible, error = run(main)
    assert possible is False
    assert str(error) == ON_THE_LOOP.replace("answer", answer.__qualname__)


def test_a_callback_of_the_loop_cannot_wait(run):
    def callback(future):
        future.set_result((can_await(), str(refusal(answer()))))

    async def main():
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(callback, future)
        return await future

    assert run(main) == (False, ON_THE_LOOP)


def test_a_task_made_within_a_greenlet_is_outside_of_it(run):
    async def child():
        return can_await()

    async def parent():
        return await asyncio.create_task(child())

    async def main():
        return await spawn_greenlet(lambda: await_(parent()))

    assert run(main) is False


def test_the_main_thread_without_a_loop_cannot_wait():
    assert can_await() is False
    assert str(refusal(answer())) == IN_A_THREAD


def test_a_thread_that_serves_no_request_cannot_wait():
    assert in_new_thread(lambda: (can_await(), str(refusal(answer())))) == (False, IN_A_THREAD)


def test_a_thread_serves_no_request_when_its_call_has_ended(run):
    async def main():
        loop = asyncio.get_running_loop()
        await call_in_thread(None, can_await)
        # The default executor keeps the idle thread and uses it again.
        return await loop.run_in_executor(None, can_await)

    assert run(main) is False


def test_a_thread_made_by_a_served_thread_serves_no_request(run):
    async def main():
        return await call_in_thread(None, lambda: (can_await(), in_new_thread(can_await)))

    assert run(main) == (True, False)


# --- What is refused ------------------------------------------------------------------------------


def test_a_refused_coroutine_is_closed_so_that_no_warning_follows(no_warnings):
    coroutine = answer()
    refusal(coroutine)
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED


def test_a_coroutine_refused_on_the_loop_is_closed_too(run, no_warnings):
    async def main():
        coroutine = answer()
        refusal(coroutine)
        return inspect.getcoroutinestate(coroutine)

    assert run(main) == inspect.CORO_CLOSED


def test_a_refused_future_is_left_alone(run):
    async def main():
        future = asyncio.get_running_loop().create_future()
        error = refusal(future)
        return future.done(), error.what == repr(future)

    assert run(main) == (False, True)


def test_a_refused_task_goes_on(run):
    async def main():
        task = asyncio.create_task(answer())
        refusal(task)
        return await task

    assert run(main) == 42


def test_any_refused_object_is_shown_by_its_repr(bare):
    awaitable = bare()
    assert refusal(awaitable).what == repr(awaitable)


# --- run() ----------------------------------------------------------------------------------------


async def forty_two():
    await asyncio.sleep(0)
    return 42


def test_a_script_may_run_a_coroutine_function():
    assert aiopyramid_core.run(forty_two) == 42


def test_run_says_what_to_write_when_it_gets_a_coroutine(no_warnings):
    with pytest.raises(TypeError) as caught:
        aiopyramid_core.run(forty_two())
    assert str(caught.value) == (
        "run() takes a function and its arguments, and got a coroutine of forty_two: write"
        " run(forty_two, ...) instead of run(forty_two(...))"
    )
