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


def _refuse(what: str) -> NoReturn:
    oldest = ".".join(map(str, _OLDEST))
    pytest.fail(
        f"{what} of aiopyramid-core needs pytest {oldest} or newer, and this is"
        f" {pytest.__version__}: run 'pip install \"pytest>={oldest}\"'",
        pytrace=False,
    )


def _refusing_fixture(name: str) -> Any:
    def refuse() -> None:
        _refuse(f"the fixture {name}")

    return pytest.fixture(name=name)(refuse)


async_client = _refusing_fixture("async_client")
bridge = _refusing_fixture("bridge")
each_server = _refusing_fixture("each_server")
serve = _refusing_fixture("serve")
