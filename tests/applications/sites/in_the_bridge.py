"""A plugin of pytest's: tests that know nothing of aiopyramid, with the include and in the bridge.

``pytest -p in_the_bridge`` includes ``aiopyramid_core`` into every application that is made, and
runs each test (of a ``TestCase`` with its ``setUp`` and ``tearDown``) in a greenlet of an event
loop, as our servers call an application.
"""

import asyncio
from functools import wraps

import pyramid.testing
import pytest
from pyramid.config import Configurator
from pyramid.router import Router

from aiopyramid_core.testing import Bridge


class Seen:
    """Counts of what the tests did, to check that they tested anything.

    Attributes:
        applications: How many applications were made, all with the include.
        requests: How many requests began on the event loop.
        elsewhere: How many began where there is none.
    """

    applications = 0
    requests = 0
    elsewhere = 0


def pytest_configure(config):
    # Before the test modules are imported, since they import some of these by name.
    pyramid.testing.setUp = _including(pyramid.testing.setUp)
    Configurator.setup_registry = _included_first(Configurator.setup_registry)
    Configurator.make_wsgi_app = _counting(Configurator.make_wsgi_app)
    Router.__call__ = _watched(Router.__call__)


def _including(set_up):
    @wraps(set_up)
    def set_up_and_include(*args, **kwargs):
        config = set_up(*args, **kwargs)
        # First, since this configurator carries out each directive at once.
        config.include("aiopyramid_core")
        return config

    return set_up_and_include


def _included_first(set_up_registry):
    @wraps(set_up_registry)
    def set_up_and_include(self, *args, **kwargs):
        set_up_registry(self, *args, **kwargs)
        # As the setting pyramid.includes does it.
        self.include("aiopyramid_core")

    return set_up_and_include


def _counting(make_wsgi_app):
    @wraps(make_wsgi_app)
    def include_and_make(self):
        self.include("aiopyramid_core")
        Seen.applications += 1
        return make_wsgi_app(self)

    return include_and_make


def _watched(call):
    @wraps(call)
    def watch_and_call(self, environ, start_response):
        if asyncio._get_running_loop() is None:
            Seen.elsewhere += 1
        else:
            Seen.requests += 1
        return call(self, environ, start_response)

    return watch_and_call


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    run = item.runtest

    def run_in_the_bridge():
        with Bridge() as bridge:
            bridge.run(run)

    item.runtest = run_in_the_bridge
    try:
        return (yield)
    finally:
        item.runtest = run


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(
        f"in the bridge: {Seen.applications} applications, {Seen.requests} requests"
        f" ({Seen.elsewhere} elsewhere)"
    )
