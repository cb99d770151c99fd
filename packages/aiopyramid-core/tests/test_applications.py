"""_applications: all applications of a process, started and stopped together."""

import asyncio
import gc

import pytest
from pyramid.config import Configurator

from aiopyramid_core import _applications
from aiopyramid_core.servers import shutdown, startup


def hook(log, text):
    async def function(registry):
        await asyncio.sleep(0)
        log.append(text)

    return function


@pytest.fixture
def alone(monkeypatch):
    """Let the process have no other applications than those of the test."""
    gc.collect()
    monkeypatch.setattr(_applications, "_applications", [])


@pytest.mark.usefixtures("alone")
def test_the_server_starts_and_stops_all_applications_of_its_process(run, application):
    log = []

    def configure(name):
        def configure(config):
            config.add_startup(hook(log, f"{name} up"))
            config.add_shutdown(hook(log, f"{name} down"))

        return configure

    async def main():
        applications = [application(configure("one")), application(configure("two"))]
        del applications[2:]
        await startup()
        await shutdown()

    run(main)
    assert log == ["one up", "two up", "two down", "one down"]


@pytest.mark.usefixtures("alone")
def test_an_application_that_is_gone_is_not_started(run, application):
    log = []
    application(lambda config: config.add_startup(hook(log, "up")))
    gc.collect()
    run(startup)
    assert log == []


@pytest.mark.usefixtures("alone")
def test_a_configuration_without_an_application_is_not_started(run):
    log = []
    config = Configurator()
    config.include("aiopyramid_core")
    config.add_startup(hook(log, "up"))
    config.commit()
    run(startup)
    assert log == []
