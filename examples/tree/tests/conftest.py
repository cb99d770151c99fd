"""The example's application, called as a server would call it, but without one."""

from pathlib import Path

import pytest
from aiopyramid_tree import main
from webtest import TestApp


@pytest.fixture
def visitor(tmp_path: Path) -> TestApp:
    """Somebody with a browser, who is not logged in."""
    settings = {"tree.database": str(tmp_path / "tree.sqlite"), "tree.users": "ann a\nbob b\n"}
    return TestApp(main({}, **settings))


@pytest.fixture
def ann(visitor: TestApp) -> TestApp:
    visitor.authorization = ("Basic", ("ann", "a"))
    return visitor


@pytest.fixture
def bob(visitor: TestApp) -> TestApp:
    visitor.authorization = ("Basic", ("bob", "b"))
    return visitor
