"""A view that blocks, and the heartbeat that goes on beside it."""

import dataclasses
import logging
import time
from typing import Any

from pyramid.request import Request
from pyramid.view import view_config

from ..whereabouts import whereabouts

log = logging.getLogger(__name__)


@view_config(route_name="blocking", renderer="blocking.jinja2")
def blocking(request: Request) -> dict[str, Any]:
    """Block for two seconds, as views do that ask a database or read a file."""
    start = time.perf_counter()
    time.sleep(2)
    log.info("slept in a thread")
    return {"took": time.perf_counter() - start, "here": whereabouts(request)}


@view_config(route_name="heartbeat", renderer="json")
async def heartbeat(request: Request) -> dict[str, Any]:
    """Answer at once, if the event loop is free to."""
    return dataclasses.asdict(whereabouts(request))
