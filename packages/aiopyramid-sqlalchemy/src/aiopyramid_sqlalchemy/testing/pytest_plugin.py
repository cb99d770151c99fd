"""The pytest plugin: each test in a transaction that is rolled back.

A ``conftest.py`` loads it::

    pytest_plugins = ["aiopyramid_sqlalchemy.testing.pytest_plugin"]

It adds the fixture ``rolled_back``. pytest does not load it by itself, because all test runs in the
environment would then import SQLAlchemy.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy.orm import Session

from . import rolled_back as rolled_back_

__all__ = ("rolled_back",)


@pytest.fixture
def rolled_back(request: pytest.FixtureRequest) -> Iterator[Callable[[Any], Session]]:
    """Run requests in a transaction until the test ends.

    ::

        def test_users(rolled_back, application):
            dbsession = rolled_back(application)

    See :func:`aiopyramid_sqlalchemy.testing.rolled_back`. A test that is marked ``in_bridge`` uses
    connections of the bridge's event loop.

    Args:
        request: The pytest request.
    """
    stack = contextlib.ExitStack()

    def begin(application: Any) -> Session:
        return stack.enter_context(rolled_back_(application))

    yield begin
    if "bridge" in request.fixturenames:
        request.getfixturevalue("bridge").run(stack.close)
    else:
        stack.close()
