"""``config.include("aiopyramid_core")``: how this package becomes part of an application."""

import asyncio
import sys
from typing import Any

from pyramid.interfaces import (
    PHASE3_CONFIG,
    IAuthenticationPolicy,
    ISecurityPolicy,
    ITweens,
    IViewMapperFactory,
)
from pyramid.tweens import EXCVIEW, INGRESS

from . import _health, lifespan
from ._bridge.tasks import let_tasks_wait
from ._extension_points import configuration as _configuration
from ._extension_points.collections import AwaitingTweens
from ._extension_points.policies import await_policies_inside
from ._extension_points.registry import await_extension_points
from ._isolation import threadlocals as _threadlocals
from ._isolation import transactions as _transactions
from ._monkey_patching import refuse_monkey_patching
from ._off_loop import finish_transaction
from ._reloader import exit_quickly
from ._requests import placement as _placement
from ._requests.execution import wrap_execution_policy
from ._requests.placement import Placement
from ._requests.route_match import use_route_matches
from ._requests.view_deriver import off_loop_view_deriver
from ._threads.executors import RequestExecutor
from ._threads.of_process import request_threads
from .lifespan import Hook, Lifespan, lifespan_of
from .mappers import CoroutineOrExecutorMapper
from .setting_tables import warn_of_unknown_settings
from .settings import Settings
from .tweens import ingress_tween_factory, timeout_tween_factory
from .watchdog import Watchdog

__all__ = ("includeme",)


def includeme(config: Any) -> None:
    """Let every view of the application be a coroutine.

    It changes the application as follows:

    * the default view mapper is :class:`~aiopyramid_core.CoroutineOrExecutorMapper`, unless the
      application or another package sets one;
    * Pyramid's thread-locals (``get_current_request``) keep apart requests that share a thread;
    * a response body may be an async iterator;
    * ``config.add_startup(function)``, ``config.add_stopping(function)`` and
      ``config.add_shutdown(function)`` register functions of the registry, coroutine functions or
      synchronous ones, that run once per worker;
    * ``config.add_health_view()`` answers probes.

    Args:
        config: The application's :class:`pyramid.config.Configurator`.

    Raises:
        ConfigurationError: A setting is invalid; see :class:`~aiopyramid_core.settings.Settings`.
            Or gevent or eventlet has replaced the threads of this process, or a coroutine function
            was included before.
    """
    if lifespan.is_installed(config.registry):
        return  # included before, perhaps by another package that needs it
    refuse_monkey_patching()
    exit_quickly()
    settings = Settings.from_mapping(config.registry.settings)
    _configuration.install(config)
    _threadlocals.install()
    _transactions.install(finish_transaction)
    placement = Placement(config.registry, settings.requests)
    _placement.install(config.registry, placement)
    _health.install(config.registry, _health.Health())
    config.add_directive("add_health_view", _health.add_health_view, action_wrap=False)
    await_extension_points(config.registry)
    # Not by config.set_view_mapper, which would conflict with a package that sets a mapper of its
    # own. And at once, because config.derive_view and add_notfound_view(append_slash=True) derive
    # views without waiting for the actions.
    if config.registry.queryUtility(IViewMapperFactory) is None:
        config.registry.registerUtility(CoroutineOrExecutorMapper, IViewMapperFactory)
    # After all other actions, since an application may have a policy of its own.
    config.action(
        None,
        wrap_execution_policy,
        args=(config.registry, placement, settings),
        order=PHASE3_CONFIG + 1,
    )
    config.action(None, _adapt_components, args=(config.registry,), order=PHASE3_CONFIG + 1)
    # After packages that are included later have read their settings.
    config.action(
        None,
        warn_of_unknown_settings,
        args=(config.registry.settings,),
        order=PHASE3_CONFIG + 1,
    )
    config.add_view_deriver(
        off_loop_view_deriver, "off_loop_view", under="http_cached_view", over="decorated_view"
    )
    _add_lifespan(config, settings)
    if settings.executor_max_workers is not None:
        config.add_startup(_executor_setter(settings.executor_max_workers))
    if settings.tasks_can_wait:
        config.add_startup(_let_tasks_wait)
    if settings.debug_blocking_seconds is not None:
        _add_watchdog(config, settings.debug_blocking_seconds)
    _add_tweens(config, settings)


def _adapt_components(registry: Any) -> None:
    """Adapt components of the application to the two places where requests run."""
    use_route_matches(registry)
    for interface in (ISecurityPolicy, IAuthenticationPolicy):
        await_policies_inside(registry.queryUtility(interface))
    if "pyramid_debugtoolbar" in sys.modules:
        from ._isolation.debugtoolbar import replace_panels

        replace_panels(registry)
    if "newrelic.core.trace_cache" in sys.modules:
        from ._isolation.newrelic import tell_greenlets_apart

        tell_greenlets_apart()


def _add_lifespan(config: Any, settings: Settings) -> None:
    registry = config.registry
    times = (
        settings.shutdown_timeout_seconds,
        settings.startup_timeout_seconds,
        settings.reconnect_spread_seconds or 0.0,
    )
    lifespan.install(registry, Lifespan(registry, *times))
    config.add_directive("add_startup", _add_startup, action_wrap=False)
    config.add_directive("add_stopping", _add_stopping, action_wrap=False)
    config.add_directive("add_shutdown", _add_shutdown, action_wrap=False)


def _add_startup(config: Any, function: Hook) -> None:
    lifespan_of(config.registry).add_startup(config.maybe_dotted(function))


def _add_stopping(config: Any, function: Hook) -> None:
    lifespan_of(config.registry).add_stopping(config.maybe_dotted(function))


def _add_shutdown(config: Any, function: Hook) -> None:
    lifespan_of(config.registry).add_shutdown(config.maybe_dotted(function))


def _executor_setter(max_workers: int) -> Hook:
    async def set_executor(registry: Any) -> None:
        request_threads().limit = max_workers
        asyncio.get_running_loop().set_default_executor(RequestExecutor(max_workers))

    return set_executor


async def _let_tasks_wait(registry: Any) -> None:
    let_tasks_wait(asyncio.get_running_loop())


def _add_watchdog(config: Any, limit_seconds: float) -> None:
    watchdogs: list[Watchdog] = []

    async def start_watchdog(registry: Any) -> None:
        watchdog = Watchdog(limit_seconds)
        watchdog.start()
        watchdogs.append(watchdog)

    async def stop_watchdog(registry: Any) -> None:
        watchdogs.pop().stop()

    config.add_startup(start_watchdog)
    config.add_shutdown(stop_watchdog)


def _add_tweens(config: Any, settings: Settings) -> None:
    # After all others were added, since the last one is next to the server.
    config.action(None, _add_ingress_tween, args=(config, settings), order=PHASE3_CONFIG + 1)
    if settings.request_timeout_seconds is not None:
        config.add_tween(_TIMEOUT_TWEEN, under=EXCVIEW)


_INGRESS_TWEEN = "aiopyramid_core.tweens.ingress_tween_factory"
_TIMEOUT_TWEEN = "aiopyramid_core.tweens.timeout_tween_factory"


def _add_ingress_tween(config: Any, settings: Settings) -> None:
    tweens = config.registry.getUtility(ITweens)
    tweens.add_implicit(_INGRESS_TWEEN, ingress_tween_factory, under=INGRESS)
    if tweens.explicit:
        _add_to_explicit_tweens(tweens, settings)


def _add_to_explicit_tweens(tweens: AwaitingTweens, settings: Settings) -> None:
    """Insert our tweens where they belong, so that ``pyramid.tweens`` does not have to name them.

    Args:
        tweens: The application's tweens.
        settings: The application's settings.
    """
    names = [name for name, _ in tweens.explicit]
    if settings.request_timeout_seconds is not None and _TIMEOUT_TWEEN not in names:
        below = names.index(EXCVIEW) + 1 if EXCVIEW in names else len(names)
        tweens.insert_explicit(below, _TIMEOUT_TWEEN, timeout_tween_factory)
    if _INGRESS_TWEEN not in names:
        tweens.insert_explicit(0, _INGRESS_TWEEN, ingress_tween_factory)
