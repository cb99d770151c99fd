"""Synchronous code that calls a coroutine, and a coroutine that fails."""

import asyncio
import logging
from typing import Any

from pyramid.request import Request
from pyramid.view import view_config

from aiopyramid_core import synchronize

from ..whereabouts import Whereabouts, whereabouts

log = logging.getLogger(__name__)


@view_config(route_name="ordinary", renderer="ordinary.jinja2")
def ordinary(request: Request) -> dict[str, Any]:
    """Call a coroutine as if it were a function."""
    return {"here": whereabouts(request), "there": ask_service(request)}


@synchronize
async def ask_service(request: Request) -> Whereabouts:
    """Stand for any asyncio library, called from synchronous code."""
    async with asyncio.timeout(1):
        await asyncio.sleep(0.1)
    log.info("waited on the event loop")
    return whereabouts(request)


@view_config(route_name="failing")
async def failing(request: Request) -> None:
    """Fail in the middle of a coroutine, for the debug toolbar to show where."""
    await asyncio.sleep(0.01)
    answer = 6 * 9
    raise ValueError(f"{answer} is not 42")
