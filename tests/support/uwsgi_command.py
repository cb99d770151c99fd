"""The command line of a uWSGI with its asyncio engine, for tests; built when first wanted."""

import sys

import pytest
from server_process import Process

from build_uwsgi import CannotBuild, uwsgi_binary

ANNOUNCES = r"bound to TCP address 127\.0\.0\.1:(\d+)"
"""The line that it prints when it listens, with the port as the group."""


def uwsgi_command(*options: str, cores: int = 100) -> list[str]:
    """Return the command that starts a uWSGI on a free port; skip the test if there can be none.

    Args:
        *options: Options of uWSGI, the application among them.
        cores: Requests at a time.
    """
    fixed = ["--http-socket", "127.0.0.1:0", "--master", "--need-app", "--die-on-term"]
    fixed += ["--disable-logging", "--home", sys.prefix]
    return [uwsgi_binary_or_skip(), *fixed, "--asyncio", str(cores), "--greenlet", *options]


def uwsgi_binary_or_skip() -> str:
    """Return the path of the binary; skip the test if it cannot be built here."""
    try:
        return str(uwsgi_binary())
    except CannotBuild as reason:
        pytest.skip(str(reason))


class UWSGIProcess(Process):
    """A running uWSGI, and what it says."""

    @property
    def site(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.said(ANNOUNCES)[1]}"
