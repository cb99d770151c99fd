"""An event loop that continues when a task or a callback tries to end it.

Event loops let SystemExit and KeyboardInterrupt through, whichever task or callback raised them.
uWSGI's plugin, which runs the loop from C, prints such an exception and exits, so that one mistake,
such as ``sys.exit()`` in a background task, would break off all requests of the worker.
"""

import asyncio
import logging
from collections.abc import Callable

__all__ = ("make_endless",)

_log = logging.getLogger("aiopyramid_uwsgi")


def make_endless(loop: asyncio.AbstractEventLoop, may_end: Callable[[], bool]) -> None:
    """Have a loop log these two exceptions and continue.

    Args:
        loop: A loop that is not running yet.
        may_end: Returns whether an exception should end the loop as usual.
    """
    run_forever = loop.run_forever

    def run_until_it_may_end() -> None:
        while True:
            try:
                return run_forever()
            except (SystemExit, KeyboardInterrupt) as error:
                if may_end():
                    raise
                kind = type(error).__name__
                _log.exception(
                    "%s was raised in a task or callback, and does not end the worker", kind
                )

    # uWSGI's plugin looks the method up on the loop when it is about to run it.
    loop.run_forever = run_until_it_may_end  # type: ignore[method-assign]
