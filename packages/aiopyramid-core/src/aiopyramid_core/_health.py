"""Health views, for tools that start, restart and balance servers: Kubernetes, nginx, systemd.

They are answered on the event loop, before a request object exists. So a probe does not wait for
busy threads, nor for the application's tweens, policies and databases. It reports on the event loop
and its checks, and on nothing else.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from pyramid.exceptions import ConfigurationError
from pyramid.response import Response
from pyramid.router import Router

from ._callables import is_coroutine_callable
from .awaiting import await_
from .exceptions import StartupError
from .executor import call_in_thread
from .lifespan import Lifespan, is_installed, lifespan_of

__all__ = ("Health", "add_health_view", "health_of", "health_probes", "install")

_log = logging.getLogger("aiopyramid_core")

Check = Callable[[Any], Awaitable[object] | object]
"""A coroutine function or a synchronous function that takes the registry and raises on failure."""

Answer = Callable[[], Response]

_REGISTRY_KEY: Final = "aiopyramid.health"


@dataclass
class Health:
    """The health views of one application.

    Attributes:
        answers: The function that answers each path.
    """

    answers: dict[str, Answer] = field(default_factory=dict)

    def answer(self, environ: dict[str, Any]) -> Answer | None:
        """Return the function that answers a request, or None if it is not a probe."""
        if not self.answers or environ.get("REQUEST_METHOD") not in ("GET", "HEAD"):
            return None
        return self.answers.get(environ.get("PATH_INFO", ""))


def install(registry: Any, health: Health) -> None:
    """Set the health views of an application."""
    registry[_REGISTRY_KEY] = health


def health_of(registry: Any) -> Health:
    """Return the health views of an application that includes ``aiopyramid_core``."""
    health: Health = registry[_REGISTRY_KEY]
    return health


def health_probes(application: Any) -> Callable[[dict[str, Any]], bool] | None:
    """Return a function that says whether a request, given its environ, is a health probe.

    For servers in which requests may wait for others: a probe should not.

    Args:
        application: The application that the server serves.

    Returns:
        None if it has no health views, or is wrapped in middleware, which may change the path.
    """
    if not (isinstance(application, Router) and is_installed(application.registry)):
        return None
    health = health_of(application.registry)
    return (lambda environ: health.answer(environ) is not None) if health.answers else None


def add_health_view(
    config: Any,
    path: str = "/health",
    checks: Mapping[str, Check] | None = None,
    timeout_seconds: float = 2.0,
) -> None:
    """Add health views: the directive ``config.add_health_view()``.

    ::

        async def database(registry):
            await registry["pool"].fetchval("SELECT 1")

        config.add_health_view(checks={"database": database})

    ``/health/live`` answers 200 as long as the event loop responds. ``/health/ready`` answers 200
    when the startup functions have run and all checks pass. It answers 503 before that, if a check
    fails or takes too long, and as soon as the server is told to stop. Both answer GET and HEAD
    with JSON that lists the failed checks; the reasons are logged.

    Args:
        config: The application's :class:`pyramid.config.Configurator`.
        path: The common prefix of both paths.
        checks: Functions that take the registry, by name: coroutine functions, or synchronous
            functions, which run in threads. Each probe calls them concurrently.
        timeout_seconds: How long each check may take.

    Raises:
        ConfigurationError: ``path`` does not begin with a slash, or ``timeout_seconds`` is not
            above zero.
    """
    if not path.startswith("/"):
        raise ConfigurationError(f"The path of the health view, {path!r}, must begin with a slash")
    if not timeout_seconds > 0:
        raise ConfigurationError(
            f"timeout_seconds={timeout_seconds!r} of the health view must be above zero"
        )
    registry = config.registry
    path = path.rstrip("/")
    named = {name: config.maybe_dotted(check) for name, check in (checks or {}).items()}
    readiness = _Readiness(registry, lifespan_of(registry), named, timeout_seconds)
    health = health_of(registry)
    health.answers[f"{path}/live"] = _answer_live
    health.answers[f"{path}/ready"] = readiness.answer


def _answer_live() -> Response:
    return _response(HTTPStatus.OK, {"status": "alive"})


class _Readiness:
    def __init__(
        self,
        registry: Any,
        lifespan: Lifespan,
        checks: dict[str, Check],
        timeout_seconds: float,
    ) -> None:
        self._registry = registry
        self._lifespan = lifespan
        self._checks = checks
        self._timeout_seconds = timeout_seconds

    def answer(self) -> Response:
        if self._lifespan.is_stopping:
            return _response(HTTPStatus.SERVICE_UNAVAILABLE, {"status": "stopping"})
        try:
            self._lifespan.ensure_started()
        except StartupError as error:
            _log.warning("Not ready: %s", error)
            return _response(HTTPStatus.SERVICE_UNAVAILABLE, {"status": "not started"})
        outcomes = await_(self._outcomes()) if self._checks else {}
        ready = all(outcome == "ok" for outcome in outcomes.values())
        status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
        return _response(status, {"status": "ready" if ready else "not ready", "checks": outcomes})

    async def _outcomes(self) -> dict[str, str]:
        outcomes = await asyncio.gather(*map(self._outcome, self._checks))
        return dict(zip(self._checks, outcomes, strict=True))

    async def _outcome(self, name: str) -> str:
        check: Any = self._checks[name]
        try:
            async with asyncio.timeout(self._timeout_seconds) as scope:
                if is_coroutine_callable(check):
                    await check(self._registry)
                else:
                    await call_in_thread(None, check, self._registry)
        except Exception as error:
            if isinstance(error, TimeoutError) and scope.expired():
                _log.warning(
                    "Not ready: the check %s took more than %g seconds", name, self._timeout_seconds
                )
                return "timed out"
            _log.warning("Not ready: the check %s has failed", name, exc_info=error)
            return "failed"
        return "ok"


def _response(status: HTTPStatus, said: dict[str, Any]) -> Response:
    response = Response(status=status.value, json_body=said)
    response.headers["Cache-Control"] = "no-store"
    return response
