"""``__all__`` is exact in both directions, in the package and in each of its public modules."""

import ast
import types
from pathlib import Path

import pytest

import aiopyramid_groups
from aiopyramid_groups import counts, engine, exceptions, group, memory, publisher, redis, settings

MODULES = [counts, engine, exceptions, group, memory, publisher, redis, settings]


@pytest.mark.parametrize(
    "module", [aiopyramid_groups, *MODULES], ids=lambda module: module.__name__
)
def test_all_is_a_tuple_without_repetitions(module):
    assert type(module.__all__) is tuple
    assert len(module.__all__) == len(set(module.__all__))


def test_the_package_lists_what_it_offers():
    offered = {
        name
        for name, value in vars(aiopyramid_groups).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert offered == set(aiopyramid_groups.__all__)


def test_the_type_checked_file_uses_all_that_the_package_offers():
    source = (Path(__file__).parent / "typing" / "groups_api.py").read_text()
    imported = {
        alias.name
        for statement in ast.parse(source).body
        if isinstance(statement, ast.ImportFrom) and statement.module == "aiopyramid_groups"
        for alias in statement.names
    }
    assert imported == set(aiopyramid_groups.__all__)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_a_public_module_lists_what_it_defines(module):
    defined = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    }
    assert defined <= set(module.__all__)


@pytest.mark.parametrize("name", aiopyramid_groups.__all__)
def test_every_public_name_is_documented(name):
    assert getattr(aiopyramid_groups, name).__doc__
