"""``config.include("aiopyramid_uwsgi")``: how this package becomes part of an application."""

from typing import Any

from pyramid.interfaces import PHASE3_CONFIG, IExecutionPolicy
from pyramid.router import default_execution_policy

from aiopyramid_core import can_await
from aiopyramid_core.servers import on_a_loop

from . import _api
from ._exchange import Exchange
from ._settings import UWSGISettings
from ._worker import Worker, check_engine

__all__ = ("includeme",)

_workers: list[Worker] = []
"""The worker of this process, as soon as an application needs it."""


def includeme(config: Any) -> None:
    """Let the application run under ``uwsgi --asyncio N --greenlet``.

    Includes ``aiopyramid_core``. Under any other server it does nothing more, so that the same
    application runs there, and in scripts and tests.

    Args:
        config: The application's :class:`pyramid.config.Configurator`.

    Raises:
        EngineMissing: uWSGI runs without its asyncio engine or without greenlets.
        ConfigurationError: A setting is invalid.
    """
    config.include("aiopyramid_core")
    settings = UWSGISettings.from_mapping(config.registry.settings)
    if not _api.is_running():
        return
    check_engine()
    if not _workers:
        worker = Worker(settings)
        worker.prepare()
        _workers.append(worker)
    # After all other configuration, since an application may have a policy of its own.
    args = (config.registry, settings, _workers[0])
    config.action(None, _wrap_execution_policy, args=args, order=PHASE3_CONFIG + 1)


def _wrap_execution_policy(registry: Any, settings: UWSGISettings, worker: Worker) -> None:
    policy = registry.queryUtility(IExecutionPolicy, default=default_execution_policy)

    def execution_policy(environ: dict[str, Any], router: Any) -> Any:
        if can_await() or not on_a_loop():
            # In another application that has called this one, or in a script.
            return policy(environ, router)
        return Exchange(policy, router, settings, worker)

    registry.registerUtility(execution_policy, IExecutionPolicy)
