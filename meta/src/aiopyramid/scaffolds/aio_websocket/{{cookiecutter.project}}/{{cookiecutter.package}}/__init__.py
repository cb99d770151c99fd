"""A Pyramid application on asyncio with a WebSocket."""

from pyramid.config import Configurator


def main(global_config, **settings):
    """Return the WSGI application; the settings are those of ``development.ini``."""
    with Configurator(settings=settings) as config:
        config.add_route("home", "/")
        config.add_route("echo", "/echo")
        config.scan(".views")
        return config.make_wsgi_app()
