"""An application that includes the package and never awaits anything."""

import logging
import threading

from pyramid.config import Configurator


def view(request):
    return sorted(thread.name for thread in threading.enumerate())


def main(global_config=None, **settings):
    logging.basicConfig(level=logging.INFO)
    with Configurator(settings=settings) as config:
        config.include("aiopyramid_core")
        config.add_route("view", "/")
        config.add_view(view, route_name="view", renderer="json")
        return config.make_wsgi_app()
