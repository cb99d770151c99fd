"""Answers that do not arrive, and refusals, with the remedy for each."""

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any, Final

from redis.exceptions import (
    AuthenticationError,
    InvalidResponse,
    NoPermissionError,
    RedisError,
    ResponseError,
)

from ..exceptions import EngineRefused, EngineUnavailable
from .link import ConnectionLost, Redirected

__all__ = ("ANSWER_SECONDS", "LOST", "answer_of", "answers_in_time", "refusal_of")

_log = logging.getLogger("aiopyramid_groups")

ANSWER_SECONDS: Final = 3.0
"""How long to wait for the answer to a heartbeat or a question."""

LOST: Final = (
    *(RedisError, OSError, EOFError, TimeoutError),
    *(ConnectionLost, EngineUnavailable, EngineRefused),
)
"""The exceptions of a connection that is lost, or cannot be opened."""


async def answer_of(awaitable: Awaitable[Any]) -> Any:
    """Wait for an answer to something that may be asked again.

    Raises:
        EngineUnavailable: There is none.
    """
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await awaitable
    except (TimeoutError, ConnectionLost):
        raise EngineUnavailable("Redis has not answered") from None
    except Redirected as error:
        raise EngineUnavailable(f"the cluster is changing: {error}") from error
    except ResponseError as error:
        _log.error("Redis has refused a command: %s", error)
        raise EngineUnavailable(f"Redis has refused a command: {error}") from error


async def answers_in_time(*futures: asyncio.Future[Any]) -> None:
    """Wait for the answers to a heartbeat.

    Raises:
        EngineUnavailable: One did not arrive in time.
    """
    _, late = await asyncio.wait(futures, timeout=ANSWER_SECONDS)
    if late:
        # The loop of this worker may have been blocked: then the answers are there, but not read.
        _, late = await asyncio.wait(late, timeout=ANSWER_SECONDS / 10)
    if late:
        raise EngineUnavailable("Redis does not answer heartbeats")


def refusal_of(error: BaseException, name: str) -> EngineRefused | None:
    """Return the exception that says what to do about a refusal; None if Redis is only away.

    Args:
        error: The exception that was raised.
        name: The name of the server.
    """
    if isinstance(error, EngineRefused):
        return error
    if isinstance(error, AuthenticationError):
        remedy = "check the user name and the password in aiopyramid.groups.url"
    elif isinstance(error, NoPermissionError):
        remedy = (
            "give the user in aiopyramid.groups.url the keys, channels and commands that the README"
            " of aiopyramid-groups lists"
        )
    elif isinstance(error, InvalidResponse):
        remedy = "aiopyramid.groups.url must name a Redis server; something else answers there"
    elif isinstance(error, ResponseError) and "cluster support disabled" in str(error):
        remedy = "it is a single server, for which the setting is aiopyramid.groups.url = redis://…"
    else:
        return None
    return EngineRefused(f"{name} refuses this application: {error}; {remedy}")
