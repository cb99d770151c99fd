"""``__all__`` is exact, in the package and in its public module."""

import ast
import types
from pathlib import Path

import pytest

import aiopyramid_debugtoolbar
from aiopyramid_debugtoolbar import panels


def test_the_package_lists_what_it_offers():
    offered = {
        name
        for name, value in vars(aiopyramid_debugtoolbar).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert offered == set(aiopyramid_debugtoolbar.__all__)


def test_the_type_checked_file_uses_all_that_the_package_offers():
    source = (Path(__file__).parent / "typing" / "debugtoolbar_api.py").read_text()
    imported = {
        alias.name
        for statement in ast.parse(source).body
        if isinstance(statement, ast.ImportFrom) and statement.module == "aiopyramid_debugtoolbar"
        for alias in statement.names
    }
    assert imported == set(aiopyramid_debugtoolbar.__all__)


def test_the_module_of_the_panels_lists_them():
    defined = {
        name
        for name, value in vars(panels).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == panels.__name__
    }
    assert defined == {*panels.__all__}


@pytest.mark.parametrize("name", aiopyramid_debugtoolbar.__all__)
def test_every_public_name_is_documented(name):
    assert getattr(aiopyramid_debugtoolbar, name).__doc__
