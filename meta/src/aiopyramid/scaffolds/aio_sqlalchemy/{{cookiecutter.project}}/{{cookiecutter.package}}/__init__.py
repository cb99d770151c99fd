"""A Pyramid application on asyncio, with a database."""

from aiopyramid_sqlalchemy import get_engine
from pyramid.config import Configurator

from .models import Base


def create_tables(registry):
    """Create the tables that the database does not have; a later change needs a migration."""
    Base.metadata.create_all(get_engine(registry))


def main(global_config, **settings):
    """Return the WSGI application; the settings are those of ``development.ini``."""
    with Configurator(settings=settings) as config:
        config.include("pyramid_tm")
        config.include("aiopyramid_sqlalchemy")
        config.add_startup(create_tables)
        config.add_route("notes", "/")
        config.scan(".views")
        return config.make_wsgi_app()
