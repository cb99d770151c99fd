"""_old_pytest: an old pytest runs the tests of an old site, and refuses those that need us."""

import importlib
import sys

import pytest

from aiopyramid_core.testing._old_pytest import is_too_old

pytest_plugins = ["pytester"]

TESTS = """
import pytest

def test_of_an_old_site(request):
    assert "bridge" not in request.fixturenames

@pytest.mark.in_bridge
async def test_that_is_marked():
    pass

def test_with_a_fixture(serve):
    pass
"""


@pytest.mark.parametrize(
    ("version", "expected"),
    [("6.2.5", True), ("7.4.4", True), ("8.2.0", True), ("8.3.0", False), ("10.0rc1", False)],
)
def test_these_versions_are_too_old(version, expected):
    assert is_too_old(version) is expected


@pytest.mark.parametrize(
    ("version", "module"), [("7.4.4", "_old_pytest"), (pytest.__version__, "pytest_plugin")]
)
def test_pytest_gets_the_plugin_for_its_version(version, module, monkeypatch):
    name = "aiopyramid_core.testing._entry_point"
    monkeypatch.setattr(pytest, "__version__", version)
    monkeypatch.delitem(sys.modules, name, raising=False)
    loaded = importlib.import_module(name)
    assert loaded.pytest_configure.__module__ == f"aiopyramid_core.testing.{module}"


def test_only_tests_that_need_the_plugin_are_refused_with_the_remedy(pytester):
    pytester.makepyfile(TESTS)
    options = ["-pno:aiopyramid", "-p", "aiopyramid_core.testing._old_pytest", "--strict-markers"]
    result = pytester.runpytest_subprocess(*options)
    result.assert_outcomes(passed=1, errors=2)
    for what in ("the marker in_bridge", "the fixture serve"):
        result.stdout.fnmatch_lines(
            [f"*{what} of aiopyramid-core needs pytest 8.3 or newer, and this is *pip install*"]
        )
