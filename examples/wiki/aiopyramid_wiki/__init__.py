"""The wiki of Pyramid's tutorial, on asyncio.

``models``, ``security``
    As in the tutorial: they know nothing of asyncio.
``views``
    As in the tutorial, except for ``async`` in front of ``def``.
"""

from typing import Any

from pyramid.config import Configurator

from aiopyramid_sqlalchemy import begin_dbsession, get_engine

from .models import Base, Page, User


def initialize(registry: Any) -> None:
    """Create the tables and the first page if there are none; a real site has migrations."""
    Base.metadata.create_all(get_engine(registry))
    with begin_dbsession(registry) as dbsession:
        if dbsession.query(User).first() is None:
            editor = User(name="editor")
            dbsession.add(Page(name="FrontPage", data="This is the front page", creator=editor))


def main(global_config: Any = None, **settings: Any) -> Any:
    """Return the WSGI application."""
    with Configurator(settings=settings) as config:
        config.include("pyramid_jinja2")
        config.include("pyramid_retry")
        config.include("pyramid_tm")
        config.include("aiopyramid_sqlalchemy")
        config.include(".security")
        config.add_startup(initialize)
        config.add_route("view_wiki", "/")
        config.add_route("view_page", "/{pagename}", factory="aiopyramid_wiki.views.page_factory")
        config.add_route("edit_page", "/{pagename}/edit")
        config.scan(".views")
        return config.make_wsgi_app()
