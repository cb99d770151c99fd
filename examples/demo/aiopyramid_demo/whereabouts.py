"""Where is this code running? The facts that the pages show."""

import asyncio
import threading
from dataclasses import dataclass

from pyramid.request import Request

from aiopyramid_core import synchronize


@dataclass(frozen=True, slots=True)
class LoopFacts:
    """The event loop, seen from a coroutine that runs on it."""

    loop: str
    task: str
    tasks: int


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """The place where a piece of code runs: thread, loop and greenlet.

    Attributes:
        on_loop: Whether it runs on the event loop, where it must not block.
        thread: The name of its thread.
        task: The name of its asyncio Task; None in a thread.
        loop: The implementation of the process's event loop.
        threads: How many threads the process has.
        tasks: How many Tasks the event loop has.
        in_flight: How many requests are being handled.
    """

    on_loop: bool
    thread: str
    task: str | None
    loop: str
    threads: int
    tasks: int
    in_flight: int


def whereabouts(request: Request) -> Whereabouts:
    """Return the whereabouts of the caller, be it a coroutine or synchronous code."""
    on_loop = runs_on_loop()
    facts = loop_facts()  # a coroutine, called as if it were a function, wherever this runs
    return Whereabouts(
        on_loop=on_loop,
        thread=threading.current_thread().name,
        task=facts.task if on_loop else None,
        loop=facts.loop,
        threads=threading.active_count(),
        tasks=facts.tasks,
        in_flight=request.in_flight,
    )


def runs_on_loop() -> bool:
    """Return whether the caller runs on the event loop's own thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


@synchronize
async def loop_facts() -> LoopFacts:
    """Look around on the event loop."""
    task = asyncio.current_task()
    return LoopFacts(
        loop=type(asyncio.get_running_loop()).__module__.partition(".")[0],
        task=task.get_name() if task else "none",
        tasks=len(asyncio.all_tasks()),
    )
