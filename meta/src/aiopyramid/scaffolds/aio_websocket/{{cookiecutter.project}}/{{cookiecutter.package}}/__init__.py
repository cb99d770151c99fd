"""A Pyramid application on asyncio with a WebSocket."""

from typing import Any

from pyramid.config import Configurator


def main(global_config: dict[str, str], **settings: str) -> Any:
    """Return the WSGI application; the settings are those of the ini file."""
    with Configurator(settings=settings) as config:
        config.add_health_view()  # /health/live and /health/ready
        config.add_route("home", "/")
        config.add_route("echo", "/echo")
        config.add_route("favicon", "/favicon.ico")
        config.scan(".views")
        return config.make_wsgi_app()
