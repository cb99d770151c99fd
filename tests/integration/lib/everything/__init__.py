"""Applications in which whatever Pyramid calls is a coroutine, side by side under one server.

``/direct``
    Every hook of Pyramid but tweens is a coroutine.
``/woven``
    The same with coroutine tweens around everything, between synchronous ones.
``/ticket``, ``/session``
    The authentication policies of Pyramid 1, with a coroutine as callback.
``/executed``
    Request factory, response factory and execution policy are coroutines.
``/slashes``
    The not-found view is a coroutine and appends slashes.
``/trees``
    The resources are, by way of aiopyramid_traversal.
"""

import logging
import threading
from wsgiref.util import shift_path_info

from pyramid.config import Configurator

from aiopyramid_core.servers import never_blocks

from . import execution, legacy, trees, tweens


def main(global_config=None, **settings):
    """Return all applications as one WSGI application."""
    # Where the server has set up no logging: the tests read what is logged.
    logging.basicConfig(level=logging.INFO)
    mounts = {
        "direct": direct(**settings),
        "woven": woven(**settings),
        "ticket": legacy.ticket(**settings),
        "session": legacy.session(**settings),
        "executed": execution.main(**settings),
        "slashes": execution.slashes(**settings),
        "trees": trees.main(**settings),
    }

    def mounted(environ, start_response):
        environ["test.thread"] = threading.get_ident()
        return mounts[shift_path_info(environ)](environ, start_response)

    return never_blocks(mounted)


def direct(global_config=None, **settings):
    with Configurator(settings=settings) as config:
        configure(config)
        return config.make_wsgi_app()


def woven(global_config=None, **settings):
    with Configurator(settings=settings) as config:
        configure(config)
        config.include(tweens)
        return config.make_wsgi_app()


def configure(config):
    config.include("aiopyramid_core")
    config.include("pyramid_jinja2")
    for module in (
        "directive",
        "views",
        "scanned",
        "hooks",
        "predicates",
        "resources",
        "security",
        "sessions",
        "rendering",
        "requests",
        "reentry",
        "contexts",
        "bodies",
        "lifetime",
        "mounted",
    ):
        config.include(f"everything.{module}")
