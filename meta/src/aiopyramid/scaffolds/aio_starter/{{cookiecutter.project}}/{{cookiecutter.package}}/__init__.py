"""A Pyramid application on asyncio."""

from typing import Any

from pyramid.config import Configurator


def main(global_config: dict[str, str], **settings: str) -> Any:
    """Return the WSGI application; the settings are those of the ini file."""
    with Configurator(settings=settings) as config:
        config.add_health_view()  # /health/live and /health/ready
        config.add_route("say_hello", "/")
        config.add_route("favicon", "/favicon.ico")
        config.scan(".views")
        return config.make_wsgi_app()
