"""``config.include("aiopyramid_metrics")``: how this package becomes part of an application."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from pyramid.response import Response
from pyramid.security import NO_PERMISSION_REQUIRED

from ._process import Measured, measured
from .settings import MetricsSettings

__all__ = ("includeme",)

ROUTE: Final = "aiopyramid_metrics"


def includeme(config: Any) -> None:
    """Measure the application.

    Includes ``aiopyramid_core`` and reads the settings ``aiopyramid.metrics.*``.

    Args:
        config: The application's :class:`pyramid.config.Configurator`.

    Raises:
        ConfigurationError: A setting is invalid, or the library of an exporter is not installed.
    """
    config.include("aiopyramid_core")
    settings = MetricsSettings.from_mapping(config.registry.settings)
    process = measured(settings.exporters)

    async def start(registry: Any) -> None:
        process.start(registry, settings)

    async def stop(registry: Any) -> None:
        if process.stop(registry) and "prometheus" in settings.exporters:
            from ._prometheus import forget_this_process

            forget_this_process()

    config.add_startup(start)
    config.add_shutdown(stop)
    if settings.path is not None and "prometheus" in settings.exporters:
        _add_view(config, process, settings.path, settings.permission)


def _add_view(config: Any, process: Measured, path: str, permission: str | None) -> None:
    from ._prometheus import render

    # A thread of its own: this takes milliseconds, and all threads for requests may be busy.
    renderer = ThreadPoolExecutor(1, thread_name_prefix="aiopyramid-metrics")

    async def metrics(request: Any) -> Response:
        process.sample()
        loop = asyncio.get_running_loop()
        accept = request.headers.get("Accept", "")
        body, content_type = await loop.run_in_executor(renderer, render, accept)
        response = Response(body, cache_control="no-store")
        response.headers["Content-Type"] = content_type
        return response

    config.add_route(ROUTE, path)
    config.add_view(
        metrics,
        route_name=ROUTE,
        request_method="GET",
        permission=NO_PERMISSION_REQUIRED if permission is None else permission,
    )
