"""The life of a worker's process: its event loop, and an end that nothing can delay.

A server waits for a worker that it has told to stop. If the worker takes too long, the server kills
it, or mistakes it for one whose event loop is blocked.
"""

import asyncio
import os
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from .._bridge.process_loop import adopt_loop
from .._threads.executors import RequestExecutor

__all__ = (
    "LAST_WORDS_SECONDS",
    "THREADS_SECONDS",
    "end_process_in",
    "finish_tasks",
    "loop_of_loaded_application",
    "use_loop",
)

LAST_WORDS_SECONDS: Final = 1.0
"""How long cancelled requests and tasks may take for their ``finally`` clauses."""

THREADS_SECONDS: Final = 1.0
"""Minimum time for threads to end by themselves and for the exit hooks to run."""


def loop_of_loaded_application() -> asyncio.AbstractEventLoop | None:
    """Return the loop that ``asyncio.get_event_loop()`` has given the application until now.

    The application may have set an executor on it. Keep the loop, which will never run: it shuts
    its executor down when it is garbage collected or closed.
    """
    with warnings.catch_warnings():
        # Up to Python 3.13 this makes a loop if there is none, with a DeprecationWarning.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return asyncio.get_event_loop()
        except RuntimeError:
            return None


def use_loop(
    loop: asyncio.AbstractEventLoop, before: asyncio.AbstractEventLoop | None, threads: int
) -> None:
    """Make a new loop the one of this process; to be called before an application is loaded.

    ``asyncio.get_event_loop()`` in the application's constructor then returns the loop that will
    run it. If the application was loaded before, in the process from which this one was forked, the
    executor that it may have set is kept: a pool that has no threads yet survives the fork.

    Args:
        loop: The loop that will serve.
        before: The loop until now, see :func:`loop_of_loaded_application`; or None.
        threads: Maximum number of threads of the loop's default executor, if the application has
            not set one.
    """
    asyncio.set_event_loop(loop)
    adopt_loop(loop)
    # There is no public way to ask a loop for its default executor.
    executor: ThreadPoolExecutor | None = getattr(before, "_default_executor", None)
    loop.set_default_executor(executor or RequestExecutor(threads))


async def finish_tasks(logger: Any) -> None:
    """Cancel all other tasks of the running loop, then close asynchronous generators; wait briefly.

    Args:
        logger: A ``logging.Logger``, or an object with the same methods.
    """
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    if tasks:
        _, left = await asyncio.wait(tasks, timeout=LAST_WORDS_SECONDS)
        for task in left:
            logger.warning("The task %r is still running after its cancellation", task.get_name())
    loop = asyncio.get_running_loop()
    generators = loop.create_task(loop.shutdown_asyncgens())
    await asyncio.wait((generators,), timeout=LAST_WORDS_SECONDS)


def end_process_in(seconds: float, exit_code: int, logger: Any) -> None:
    """End the process after some time, even if threads block forever.

    The interpreter waits for all threads before it exits: for those of requests that were aborted,
    or whose clients have their response already, and for those that the application has started.

    Args:
        seconds: How long threads may continue; at least :data:`THREADS_SECONDS`.
        exit_code: The exit code of the process.
        logger: A ``logging.Logger``, or an object with the same methods.
    """

    def end() -> None:
        time.sleep(max(THREADS_SECONDS, seconds))
        names = [each.name for each in threading.enumerate() if not each.daemon]
        logger.warning(
            "Worker %d exits without waiting any longer for its threads: %s",
            os.getpid(),
            ", ".join(name for name in names if name != threading.main_thread().name),
        )
        os._exit(exit_code)

    threading.Thread(target=end, daemon=True).start()
