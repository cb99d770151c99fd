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


async def start(registry: Any) -> None:
    """Begin to record: a startup function of the application."""
    add_observer(_RECORDER)
    add_observer(CONNECTIONS)
    observe_tasks(asyncio.get_running_loop())
    BLOCKS.start()
    if "sqlalchemy" in sys.modules:
        from ._queries import record_queries

        record_queries()


async def stop(registry: Any) -> None:
    """Stop recording: a shutdown function of the application."""
    BLOCKS.stop()
    remove_observer(CONNECTIONS)
    remove_observer(_RECORDER)
    if "sqlalchemy" in sys.modules:
        from ._queries import stop_recording_queries

        stop_recording_queries()
