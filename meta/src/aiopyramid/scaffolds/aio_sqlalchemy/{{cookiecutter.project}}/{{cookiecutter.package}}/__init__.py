"""A Pyramid application on asyncio, with a database."""

import os
from collections.abc import Mapping
from typing import Any

from aiopyramid_sqlalchemy import get_engine
from pyramid.config import Configurator

from .models import Base


def with_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the settings; ``DATABASE_URL`` of the environment, if set, names the database."""
    url = os.environ.get("DATABASE_URL")
    return {**settings, "sqlalchemy.url": url} if url else dict(settings)


def create_tables(registry: Any) -> None:
    """Create the tables that the database does not have; a later change needs a migration."""
    Base.metadata.create_all(get_engine(registry))


def main(global_config: dict[str, str], **settings: str) -> Any:
    """Return the WSGI application; the settings are those of the ini file."""
    with Configurator(settings=with_environment(settings)) as config:
        config.include("pyramid_tm")
        config.include("aiopyramid_sqlalchemy")
        config.add_startup(create_tables)
        config.add_health_view()  # /health/live and /health/ready
        config.add_route("notes", "/")
        config.add_route("favicon", "/favicon.ico")
        config.scan(".views")
        return config.make_wsgi_app()
