"""Tests that pytest runs as a user's, in a project of their own."""

import textwrap
from collections.abc import Callable
from typing import Any, Final

import pytest

PREAMBLE: Final = """
import asyncio
import pytest
from aiopyramid_core import synchronize

@synchronize
async def doubled(number):
    await asyncio.sleep(0)
    return 2 * number
"""

OPTIONS: Final = (
    "-Werror",
    # The warning that pyramid 2.1 issues when it is imported, as in pyproject.toml.
    "-Wignore:pkg_resources is deprecated",
    "-Wignore:Deprecated call to `pkg_resources",
    "-Wignore:'cgi' is",
    # None of these has a part in it, and they take seconds.
    *("-pno:cacheprovider", "-pno:hypothesispytest", "-pno:xdist"),
)

NO_OTHER_PLUGINS: Final = ("-pno:asyncio", "-pno:looptime_plugin")
"""looptime's plugin cannot be loaded without pytest-asyncio's."""


@pytest.fixture
def plugins() -> tuple[str, ...]:
    """The options that say which plugins for coroutines there are: none."""
    return NO_OTHER_PLUGINS


@pytest.fixture
def outcomes(pytester: pytest.Pytester, plugins: tuple[str, ...]) -> Callable[..., Any]:
    """Run a test module and return its result, warnings being errors."""

    def outcomes(module: str, *options: str, **expected: int) -> pytest.RunResult:
        pytester.makepyfile(PREAMBLE + textwrap.dedent(module))
        result = pytester.runpytest_inprocess(*OPTIONS, *plugins, *options)
        result.assert_outcomes(**expected)
        return result

    return outcomes
