"""The end of a worker's process: what the application has left behind must not hold it up.

The arbiter waits for a worker that it has told to stop. In the end it kills it, or, after a reload,
takes it for one whose event loop is blocked.
"""

import asyncio
import os
import threading
import time
from typing import Any, Final

__all__ = ("LAST_WORDS_SECONDS", "end_process_in", "end_tasks")

LAST_WORDS_SECONDS: Final = 1.0
"""How long what was cancelled may take for its ``finally`` clauses."""

_THREADS_SECONDS: Final = 1.0
"""How long threads get at least to end by themselves, and the exit hooks to run."""


def end_tasks(loop: asyncio.AbstractEventLoop, logger: Any) -> None:
    """Cancel all that is left on a loop which does not run any more; wait for it a little.

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
            logger.warning("The task %r goes on though it was cancelled", task.get_name())
    generators = loop.create_task(loop.shutdown_asyncgens())
    loop.run_until_complete(asyncio.wait((generators,), timeout=LAST_WORDS_SECONDS))


def end_process_in(seconds: float, logger: Any) -> None:
    """End the process after a while, even if threads block for ever.

    The interpreter waits for them before it exits: for those of requests that were broken off, or
    whose clients have their answer already, and for whatever the application has begun.

    Args:
        seconds: For how long threads may go on; they get a second at least.
        logger: gunicorn's logger.
    """

    def end() -> None:
        time.sleep(max(_THREADS_SECONDS, seconds))
        names = [each.name for each in threading.enumerate() if not each.daemon]
        logger.warning(
            "Worker %d does not wait for its threads any longer: %s",
            os.getpid(),
            ", ".join(name for name in names if name != threading.main_thread().name),
        )
        os._exit(0)

    threading.Thread(target=end, daemon=True).start()
