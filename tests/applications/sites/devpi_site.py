"""devpi-server as a WSGI application; its own command serves it with waitress only."""

from devpi_server.config import get_pluginmanager, hookimpl, parseoptions
from devpi_server.main import xom_from_config

FAST = ("--argon2-time-cost=1", "--argon2-memory-cost=8", "--argon2-parallelism=1")
"""As in its own tests. By default the first log-in takes half a gigabyte and most of a minute."""


class Includes:
    """A plugin, which is devpi-server's way to include more into its application.

    Args:
        includes: The packages, separated by blanks.
    """

    def __init__(self, includes):
        self.includes = includes.split()

    @hookimpl
    def devpiserver_pyramid_configure(self, config, pyramid_config):
        for package in self.includes:
            pyramid_config.include(package)


def application(folder, includes):
    plugins = get_pluginmanager()
    plugins.register(Includes(includes))
    options = ["devpi-server", "--serverdir", folder, "--offline-mode", *FAST]
    xom = xom_from_config(parseoptions(plugins, options))
    made = xom.create_app()
    # What its own command does: its notifier and the like have threads of their own.
    xom.thread_pool.start()
    return made
