"""Fifty slow HTTP calls, awaited together in one view."""

import asyncio
import logging
import random
import time
from dataclasses import dataclass
from typing import Any

import aiohttp
from pyramid.httpexceptions import HTTPBadRequest, HTTPGatewayTimeout
from pyramid.request import Request
from pyramid.view import view_config

from ..whereabouts import whereabouts

log = logging.getLogger(__name__)

CALLS = 50
SLOWEST = 0.5  # seconds
FASTEST = 0.1
PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the upstream service; times in seconds."""

    began: float
    ended: float
    in_flight: int  # requests that the answering server was handling just then

    @property
    def took(self) -> float:
        """How long this call waited for its answer."""
        return self.ended - self.began


class Timeline:
    """Calls as the template draws them, from the first call's begin to the last one's end."""

    def __init__(self, calls: list[Call]) -> None:
        self.calls = calls
        self.began = min(call.began for call in calls)
        self.took = max(call.ended for call in calls) - self.began
        self.waited = sum(call.took for call in calls)
        self.peak = max(call.in_flight for call in calls)


@view_config(route_name="fan_out", renderer="fan_out.jinja2")
async def fan_out(request: Request) -> dict[str, Any]:
    """Call a slow service fifty times and wait for all answers at once."""
    url = request.registry.settings["demo.upstream"]
    try:
        async with (
            asyncio.timeout(PATIENCE),
            aiohttp.ClientSession() as http,
            asyncio.TaskGroup() as group,
        ):
            tasks = [group.create_task(call(http, url)) for _ in range(CALLS)]
    except TimeoutError:
        raise HTTPGatewayTimeout("The upstream service is too slow.") from None
    timeline = Timeline([task.result() for task in tasks])
    log.info("%.1f s of waiting in %.2f s", timeline.waited, timeline.took)
    return {"timeline": timeline, "here": whereabouts(request)}


async def call(http: aiohttp.ClientSession, url: str) -> Call:
    """Ask the service for an answer that takes a random time."""
    delay = random.uniform(FASTEST, SLOWEST)
    began = time.perf_counter()
    async with http.get(url, params={"delay": f"{delay:.3f}"}) as response:
        response.raise_for_status()
        answer = await response.json()
    return Call(began, time.perf_counter(), answer["in_flight"])


@view_config(route_name="upstream", renderer="json")
async def upstream(request: Request) -> dict[str, Any]:
    """Be that slow service: answer after ``delay`` seconds."""
    try:
        delay = float(request.params["delay"])
    except (KeyError, ValueError):
        raise HTTPBadRequest("How many seconds of delay?") from None
    if not 0 <= delay <= SLOWEST:
        raise HTTPBadRequest(f"At most {SLOWEST} seconds of delay.")
    await asyncio.sleep(delay)
    return {"delay": delay, "in_flight": request.in_flight}
