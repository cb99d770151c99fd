"""A wiki whose pages are a resource tree in SQLite. Read ``resources.py`` next."""

from typing import Any

from pyramid.config import Configurator
from pyramid.csrf import CookieCSRFStoragePolicy
from pyramid.registry import Registry
from pyramid.router import Router

from . import database
from .resources import root_factory
from .security import BasicAuthPolicy


def main(global_config: dict[str, str], **settings: Any) -> Router:
    """Make the application from the settings in ``development.ini``."""
    with Configurator(settings=settings) as config:
        config.include("aiopyramid_traversal")  # from here on, resources may await
        config.include("pyramid_jinja2")
        config.add_startup(connect)
        config.add_shutdown(disconnect)
        config.set_root_factory(root_factory)
        config.set_security_policy(BasicAuthPolicy(settings["tree.users"]))
        config.set_csrf_storage_policy(CookieCSRFStoragePolicy())
        config.set_default_csrf_options(require_csrf=True)
        config.scan(".views")
        return config.make_wsgi_app()


async def connect(registry: Registry) -> None:
    registry["database"] = await database.connect(registry.settings["tree.database"])


async def disconnect(registry: Registry) -> None:
    await registry["database"].close()
