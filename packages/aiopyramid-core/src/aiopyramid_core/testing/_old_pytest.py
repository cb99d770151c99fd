"""The pytest plugin for a pytest that is too old for the other one: tests that need it fail.

All other tests run as they would without this package.
"""

import re
from typing import Any, Final, NoReturn

import pytest

__all__ = (
    "async_client",
    "bridge",
    "each_server",
    "pytest_configure",
    "pytest_runtest_setup",
    "serve",
)

_OLDEST: Final = (8, 3)


def is_too_old(version: str) -> bool:
    """Return whether a version of pytest, such as ``7.4.4``, is too old for ``pytest_plugin``."""
    found = re.match(r"(\d+)\.(\d+)", version)
    return found is not None and (int(found[1]), int(found[2])) < _OLDEST


def pytest_configure(config: Any) -> None:
    """Declare the marker. A pytest hook."""
    config.addinivalue_line("markers", "in_bridge: needs a newer version of pytest")


def pytest_runtest_setup(item: Any) -> None:
    """Refuse the tests that are marked. A pytest hook."""
    if item.get_closest_marker("in_bridge") is not None:
        _refuse("the marker in_bridge")


@pytest.fixture
def bridge() -> None:
    """Refuse the test."""
    _refuse("the fixture bridge")


@pytest.fixture
def serve() -> None:
    """Refuse the test."""
    _refuse("the fixture serve")


@pytest.fixture
def each_server() -> None:
    """Refuse the test."""
    _refuse("the fixture each_server")


@pytest.fixture
def async_client() -> None:
    """Refuse the test."""
    _refuse("the fixture async_client")


def _refuse(what: str) -> NoReturn:
    oldest = ".".join(map(str, _OLDEST))
    pytest.fail(
        f"{what} of aiopyramid-core needs pytest {oldest} or newer, and this is"
        f" {pytest.__version__}: run 'pip install \"pytest>={oldest}\"'",
        pytrace=False,
    )
