"""What the panels of a process share, since their requests do: the observers and the watchdog."""

import asyncio
import sys
from typing import Any, Final

from aiopyramid_core.observing import add_observer, observe_tasks, remove_observer

from ._blocks import LoopBlocks
from ._connections import Connections
from ._recorder import Recorder

__all__ = ("BLOCKS", "CONNECTIONS", "start", "stop")

BLOCKS: Final = LoopBlocks()
CONNECTIONS: Final = Connections()
_RECORDER: Final = Recorder()

_ORIGIN_FRAMES: Final = 3
"""How many frames Python remembers for each coroutine: enough for a helper of a view, and the view.

With ``PYTHONASYNCIODEBUG`` it remembers ten.
"""


def _origin_frames() -> int:
    return sys.get_coroutine_origin_tracking_depth()


async def start(registry: Any) -> None:
    """Begin to record: a startup function of the application."""
    add_observer(_RECORDER)
    add_observer(CONNECTIONS)
    observe_tasks(asyncio.get_running_loop())
    BLOCKS.start()
    # For the warning that a coroutine was never awaited: it names the lines that have made it.
    sys.set_coroutine_origin_tracking_depth(max(_ORIGIN_FRAMES, _origin_frames()))
    if "sqlalchemy" in sys.modules:
        from ._queries import record_queries

        record_queries()


async def stop(registry: Any) -> None:
    """Stop recording: a shutdown function of the application."""
    BLOCKS.stop()
    if _origin_frames() == _ORIGIN_FRAMES:
        sys.set_coroutine_origin_tracking_depth(0)
    remove_observer(CONNECTIONS)
    remove_observer(_RECORDER)
    if "sqlalchemy" in sys.modules:
        from ._queries import stop_recording_queries

        stop_recording_queries()
