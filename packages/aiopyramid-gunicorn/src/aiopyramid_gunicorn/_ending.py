"""The end of a worker's process: tasks and threads of the application must not delay it.

The arbiter waits for a worker that it has told to stop. If the worker takes too long, the arbiter
kills it or, after a reload, treats it as one whose event loop is blocked.
"""

import asyncio
import os
import threading
import time
from typing import Any, Final

__all__ = ("LAST_WORDS_SECONDS", "end_process_in", "end_tasks")

LAST_WORDS_SECONDS: Final = 1.0
"""How long cancelled tasks may take for their ``finally`` clauses."""

_THREADS_SECONDS: Final = 1.0
"""Minimum time for threads to end by themselves and for the exit hooks to run."""


def end_tasks(loop: asyncio.AbstractEventLoop, logger: Any) -> None:
    """Cancel all tasks that are left on a loop that is not running, and wait briefly for them.

    Args:
        loop: The event loop.
        logger: gunicorn's logger.
    """
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        _, left = loop.run_until_complete(asyncio.wait(tasks, timeout=LAST_WORDS_SECONDS))
        for task in left:
            logger.warning("The task %r is still running after its cancellation", task.get_name())
    generators = loop.create_task(loop.shutdown_asyncgens())
    loop.run_until_complete(asyncio.wait((generators,), timeout=LAST_WORDS_SECONDS))


def end_process_in(seconds: float, logger: Any) -> None:
    """End the process after some time, even if threads block forever.

    The interpreter waits for all threads before it exits: for those of requests that were aborted,
    or whose clients have their response already, and for those that the application has started.

    Args:
        seconds: How long threads may continue; at least one second.
        logger: gunicorn's logger.
    """

    def end() -> None:
        time.sleep(max(_THREADS_SECONDS, seconds))
        names = [each.name for each in threading.enumerate() if not each.daemon]
        logger.warning(
            "Worker %d exits without waiting any longer for its threads: %s",
            os.getpid(),
            ", ".join(name for name in names if name != threading.main_thread().name),
        )
        os._exit(0)

    threading.Thread(target=end, daemon=True).start()
