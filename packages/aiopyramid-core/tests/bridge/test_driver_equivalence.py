"""driver, from_thread, executor: what plain coroutines do, code across all the borders does.

Random programs are run twice: by coroutines that only ever await each other, and by coroutines,
synchronous functions, threads and child tasks that call each other through the package. The
outcomes and the observed intermediate states must be the same.
"""

import asyncio
import sys
from contextvars import ContextVar

from hypothesis import given, settings
from hypothesis import strategies as st

from aiopyramid_core import await_, call_in_thread, call_off_loop, can_await, spawn_greenlet

number: ContextVar[int] = ContextVar("number", default=0)


class Failure(Exception):
    """The exception that the programs raise."""


# --- Programs: nested tuples, each a word and its operands ----------------------------------------


def programs(borders, waits):
    leaves = st.one_of(
        st.tuples(st.just("value"), st.integers(0, 9)),
        st.tuples(st.just("raise"), st.integers(0, 9)),
        st.tuples(st.just("set"), st.integers(0, 9)),
        st.tuples(st.just("wait"), st.sampled_from(waits)),
    )

    def extend(inner):
        return st.one_of(
            st.tuples(st.just("both"), inner, inner),
            st.tuples(st.just("catch"), inner, inner),
            st.tuples(st.just("finally"), inner, inner),
            st.tuples(st.sampled_from(borders), inner),
        )

    return st.recursive(leaves, extend, max_leaves=25)


class Program:
    """Runs a program, and notes what an observer within it can see."""

    def __init__(self, bridged):
        self.bridged = bridged
        self.log = []

    def note(self, word):
        self.log.append((word, number.get()))

    def handling(self, error):
        self.note(type(error).__name__)

    async def wait(self, kind):
        loop = asyncio.get_running_loop()
        if kind == "cancel":
            asyncio.current_task().cancel()
        if kind in ("yield", "cancel"):
            return await asyncio.sleep(0, "yielded")
        future = loop.create_future()
        if kind == "future":
            loop.call_soon(future.set_result, "awaited")
        else:
            loop.call_soon(future.set_exception, Failure("future"))
        return await future

    def leaf(self, word, operand):
        self.note(word)
        if word == "raise":
            raise Failure(operand)
        if word == "set":
            number.set(operand)
        return operand

    async def in_task(self, body):
        return await asyncio.create_task(self.coroutine(body))

    async def coroutine(self, program):
        match program:
            case ("both", first, second):
                return await self.coroutine(first), await self.coroutine(second)
            case ("catch", body, handler):
                try:
                    return await self.coroutine(body)
                except (Failure, asyncio.CancelledError) as error:
                    self.handling(error)
                    return await self.coroutine(handler)
            case ("finally", body, cleanup):
                try:
                    return await self.coroutine(body)
                finally:
                    await self.coroutine(cleanup)
            case ("wait", kind):
                return await self.wait(kind)
            case ("task", body):
                return await self.in_task(body)
            case ("thread", body) if self.bridged:
                return await call_in_thread(None, self.ordinary, body)
            case ("cross", body) if self.bridged and can_await():
                return self.ordinary(body)
            case ("cross" | "spawn", body) if self.bridged:
                return await spawn_greenlet(self.ordinary, body)
            case ("thread" | "cross" | "spawn", body):
                return await self.coroutine(body)
            case _:
                return self.leaf(*program)

    def ordinary(self, program):
        match program:
            case ("both", first, second):
                return self.ordinary(first), self.ordinary(second)
            case ("catch", body, handler):
                try:
                    return self.ordinary(body)
                except (Failure, asyncio.CancelledError) as error:
                    self.handling(error)
                    return self.ordinary(handler)
            case ("finally", body, cleanup):
                try:
                    return self.ordinary(body)
                finally:
                    self.ordinary(cleanup)
            case ("wait", kind):
                return await_(self.wait(kind))
            case ("task", body):
                return await_(self.in_task(body))
            case ("thread", body):
                return call_off_loop(self.ordinary, body)
            case ("cross", body):
                return await_(self.coroutine(body))
            case ("spawn", body):
                return await_(spawn_greenlet(self.ordinary, body))
            case _:
                return self.leaf(*program)


class HandlingProgram(Program):
    """Notes which exceptions are being handled, too, and in what context they were raised."""

    def note(self, word):
        self.log.append((word, chain(sys.exception())))

    def handling(self, error):
        self.log.append(("caught", chain(error)))


def chain(error):
    """Return an exception and those in the context of which it was raised, innermost first."""
    found = []
    while error is not None:
        found.append(repr(error))
        error = error.__context__
    return found


async def observed(program, text):
    async def main():
        try:
            return "returned", await program.coroutine(text), number.get()
        except Failure as error:
            return "raised", repr(error), number.get()
        except asyncio.CancelledError:
            return "cancelled", None, number.get()

    return await asyncio.create_task(main()), program.log


# --- The tests ------------------------------------------------------------------------------------


def test_programs_end_as_if_there_were_no_borders():
    with asyncio.Runner() as runner:

        @settings(max_examples=300, deadline=None)
        @given(
            programs(
                borders=["cross", "spawn", "thread", "task"],
                waits=["yield", "future", "failure", "cancel"],
            )
        )
        def check(text):
            expected = runner.run(observed(Program(bridged=False), text))
            assert runner.run(observed(Program(bridged=True), text)) == expected

        check()


def test_programs_handle_the_exceptions_that_they_would_handle_without_borders():
    # Not with threads and tasks, where Python itself draws a border; and not with exceptions that
    # the event loop throws in, to which Python gives a new context in every coroutine they cross.
    with asyncio.Runner() as runner:

        @settings(max_examples=300, deadline=None)
        @given(programs(borders=["cross", "spawn"], waits=["yield", "future"]))
        def check(text):
            expected = runner.run(observed(HandlingProgram(bridged=False), text))
            assert runner.run(observed(HandlingProgram(bridged=True), text)) == expected

        check()
