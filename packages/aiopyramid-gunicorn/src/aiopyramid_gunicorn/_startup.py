"""The start of an application in a worker: again and again, unless no worker has ever served.

If a worker exited because its application cannot start, for lack of a database for example, the
arbiter would exit as well, with the workers that serve.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, NoReturn

from aiopyramid_core import StartupError
from aiopyramid_core.servers import LAST_WORDS_SECONDS, startup

__all__ = ("finishes_before", "start_application")

_LONGEST_PAUSE_SECONDS: Final = 30.0
"""Maximum time before another attempt to start an application that could not start."""


async def start_application(
    worker: str, logger: Any, *, has_served: bool, give_up: Callable[[], NoReturn]
) -> None:
    """Start the application; try again if that fails, unless no worker has ever served.

    Args:
        worker: The worker's name in the log.
        logger: gunicorn's logger.
        has_served: Whether a worker of this arbiter has served.
        give_up: Ends the process.
    """
    pause_seconds = 1.0
    while True:
        try:
            await startup(again=True)
            return
        except StartupError as error:
            logger.critical("%s", error, exc_info=error.error)
        if not has_served:
            give_up()
        logger.critical("%s could not start; next attempt in %gs", worker, pause_seconds)
        await asyncio.sleep(pause_seconds)
        pause_seconds = min(2 * pause_seconds, _LONGEST_PAUSE_SECONDS)


async def finishes_before(stop: asyncio.Event, coroutine: Coroutine[Any, Any, None]) -> bool:
    """Run a coroutine unless an event is set before; return whether it finished.

    Args:
        stop: The event.
        coroutine: The coroutine, which is cancelled then.
    """
    work = asyncio.create_task(coroutine)
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait((work, stopped), return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if work.done():
        await work  # raises its exception, if there is one
        return True
    work.cancel()
    await asyncio.wait((work,), timeout=LAST_WORDS_SECONDS)
    return False
