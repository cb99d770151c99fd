"""A Pyramid application on asyncio."""

from pyramid.config import Configurator


def main(global_config, **settings):
    """Return the WSGI application; the settings are those of ``development.ini``."""
    with Configurator(settings=settings) as config:
        config.add_route("say_hello", "/")
        config.scan(".views")
        return config.make_wsgi_app()
