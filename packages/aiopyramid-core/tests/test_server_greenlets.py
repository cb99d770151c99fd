"""_server_greenlets: a greenlet that a server made waits for a function in one of the bridge."""

import asyncio
import threading
from contextvars import ContextVar

import pytest
from greenlet import GreenletExit, getcurrent, greenlet

from aiopyramid_core import await_, call_in_thread
from aiopyramid_core.servers import HostedCall, wait_hosted

colour: ContextVar[str] = ContextVar("colour", default="none")


@pytest.fixture
def serve(run):
    """Run functions as uWSGI runs requests: each in a greenlet made by a callback of the loop.

    Returns what they returned, or the exceptions that they raised.
    """

    def serve(*requests):
        outcomes = [None] * len(requests)

        async def main():
            loop = asyncio.get_running_loop()
            ended = asyncio.Event()
            left = len(requests)

            def work(number):
                nonlocal left
                try:
                    outcomes[number] = requests[number]()
                except BaseException as error:
                    outcomes[number] = error
                left -= 1
                if not left:
                    # By the loop, since this is none of its Tasks.
                    loop.call_soon(ended.set)

            for number in range(len(requests)):
                loop.call_soon(greenlet(work).switch, number)
            async with asyncio.timeout(10):
                await ended.wait()

        run(main)
        return outcomes

    return serve


def call(function):
    """Make the request that calls a function, and gives its result."""

    def request():
        hosted = HostedCall(function)
        assert hosted.proceed() is False
        return hosted.result

    return request


def parts_of(hosted):
    parts = []
    while hosted.proceed():
        parts.append(hosted.part)
    return parts


async def after_pause(value):
    await asyncio.sleep(0.001)
    return value


# --- Waiting --------------------------------------------------------------------------------------


def test_a_function_that_does_not_wait_gives_its_result(serve):
    assert serve(call(lambda: "result")) == ["result"]


def test_a_function_that_waits_gives_its_result(serve):
    assert serve(call(lambda: await_(after_pause("result")))) == ["result"]


def test_the_function_may_wait_to_any_depth(serve):
    def descend(depth):
        async def below():
            await asyncio.sleep(0)
            return descend(depth - 1)

        return await_(below()) + 1 if depth else 0

    assert serve(call(lambda: descend(20))) == [20]


def test_the_function_may_use_threads_which_may_wait(serve):
    def in_thread():
        return threading.get_ident(), await_(after_pause("waited"))

    (outcome,) = serve(call(lambda: await_(call_in_thread(None, in_thread))))
    assert outcome[0] != threading.get_ident()
    assert outcome[1] == "waited"


def test_many_wait_at_the_same_time(serve):
    barrier = asyncio.Barrier(50)

    async def meet(number):
        await barrier.wait()
        return number

    outcomes = serve(*(call(lambda n=n: await_(meet(n))) for n in range(50)))
    assert outcomes == list(range(50))


def test_each_call_has_a_context_of_its_own(serve):
    barrier = asyncio.Barrier(2)

    def paint(name):
        seen = [colour.get()]
        colour.set(name)
        await_(barrier.wait())
        return [*seen, colour.get()]

    outcomes = serve(call(lambda: paint("red")), call(lambda: paint("blue")))
    assert outcomes == [["none", "red"], ["none", "blue"]]


def test_the_coroutine_has_a_current_task(serve):
    async def view():
        async with asyncio.timeout(1):
            return asyncio.current_task() is not None

    assert serve(call(lambda: await_(view()))) == [True]


# --- Errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("error", [ValueError("x"), StopIteration("x"), asyncio.CancelledError()])
def test_what_the_function_raises_is_raised_in_the_servers_greenlet(serve, waits, error):
    def function():
        if waits:
            await_(asyncio.sleep(0))
        raise error

    assert serve(call(function)) == [error]


def test_system_exit_does_not_end_the_loop(serve):
    def leave():
        await_(asyncio.sleep(0))
        raise SystemExit(3)

    assert [type(outcome) for outcome in serve(call(leave))] == [SystemExit]


def test_cancel_cancels_what_the_function_waits_for(serve):
    def request():
        def wait():
            asyncio.get_running_loop().call_soon(hosted.cancel)
            try:
                await_(asyncio.sleep(60))
            except asyncio.CancelledError:
                return "cancelled"

        hosted = HostedCall(wait)
        hosted.proceed()
        return hosted.result

    assert serve(request) == ["cancelled"]


def test_a_function_that_is_cancelled_before_it_began_does_not_begin(serve):
    log = []

    def request():
        hosted = HostedCall(lambda: log.append("began"))
        asyncio.get_running_loop().call_soon(hosted.cancel)
        try:
            hosted.proceed()
        finally:
            log.append(hosted.has_ended)

    assert [type(outcome) for outcome in serve(request)] == [asyncio.CancelledError]
    assert log == [True]


def test_a_function_whose_greenlet_is_killed_does_not_let_the_server_wait_forever(serve):
    def wait():
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        loop.call_soon(getcurrent().throw)
        loop.call_later(0.001, future.set_result, "never received")
        await_(future)

    (outcome,) = serve(call(wait))
    assert isinstance(outcome, GreenletExit)


# --- Parts ----------------------------------------------------------------------------------------


def test_what_the_function_hands_over_arrives_in_order(serve):
    def request():
        def function():
            for number in range(3):
                hosted.hand_over(number)
            return "end"

        hosted = HostedCall(function)
        return [parts_of(hosted), hosted.result]

    assert serve(request) == [[[0, 1, 2], "end"]]


def test_parts_from_coroutines_and_from_threads_arrive_too(serve):
    def request():
        async def function():
            await hosted.give("from a coroutine")
            await asyncio.sleep(0)
            await call_in_thread(None, hosted.hand_over, "from a thread")

        hosted = HostedCall(lambda: await_(function()))
        return parts_of(hosted)

    assert serve(request) == [["from a coroutine", "from a thread"]]


def test_the_function_goes_on_only_when_the_server_asks_for_more(serve):
    def request():
        log = []

        def function():
            log.append("first")
            hosted.hand_over(1)
            log.append("second")
            hosted.hand_over(2)

        hosted = HostedCall(function)
        hosted.proceed()
        before = list(log)
        hosted.proceed()
        return [before, log]

    assert serve(request) == [[["first"], ["first", "second"]]]


def test_an_error_given_to_proceed_is_raised_where_the_function_hands_over(serve):
    def request():
        def function():
            try:
                hosted.hand_over(1)
            except ConnectionError:
                return "the client is gone"

        hosted = HostedCall(function)
        hosted.proceed()
        hosted.proceed(ConnectionError())
        return hosted.result

    assert serve(request) == ["the client is gone"]


def test_a_part_handed_over_after_a_cancellation_is_not_lost(serve):
    def request():
        def function():
            try:
                hosted.hand_over("first")
            except asyncio.CancelledError:
                hosted.hand_over("last")

        hosted = HostedCall(function)
        parts = [hosted.proceed() and hosted.part]
        hosted.cancel()
        # While the server is busy with the first part, and does not wait for the next.
        loop, me = asyncio.get_running_loop(), getcurrent()
        loop.call_later(0.01, me.switch)
        me.parent.switch()
        return parts + parts_of(hosted)

    assert serve(request) == [["first", "last"]]


def test_the_servers_greenlet_is_not_woken_while_it_waits_for_something_else(serve):
    def request():
        hosted = HostedCall(lambda: hosted.hand_over("part"))
        hosted.proceed()
        me = getcurrent()
        asyncio.get_running_loop().call_later(0.01, me.switch, "the client has read")
        hosted.cancel()
        return me.parent.switch()

    assert serve(request) == ["the client has read"]


def test_a_spurious_wake_up_changes_nothing(serve):
    def request():
        loop, me = asyncio.get_running_loop(), getcurrent()
        loop.call_soon(me.switch)
        hosted = HostedCall(lambda: await_(after_pause("result")))
        hosted.proceed()
        return hosted.result

    assert serve(request) == ["result"]


# --- Futures --------------------------------------------------------------------------------------


def test_the_servers_greenlet_waits_for_a_task(serve):
    def request():
        return wait_hosted(asyncio.get_running_loop().create_task(after_pause("result")))

    assert serve(request, request) == ["result", "result"]


def test_what_is_done_already_is_not_waited_for(serve):
    def request():
        future = asyncio.get_running_loop().create_future()
        future.set_result("done")
        return wait_hosted(future)

    assert serve(request) == ["done"]


def test_what_a_task_raises_is_raised(serve):
    async def fail():
        raise LookupError("x")

    def request():
        return wait_hosted(asyncio.get_running_loop().create_task(fail()))

    assert [type(outcome) for outcome in serve(request)] == [LookupError]


def test_a_spurious_wake_up_does_not_end_the_wait_for_a_task(serve):
    def request():
        loop, me = asyncio.get_running_loop(), getcurrent()
        loop.call_soon(me.switch)
        return wait_hosted(loop.create_task(after_pause("result")))

    assert serve(request) == ["result"]
