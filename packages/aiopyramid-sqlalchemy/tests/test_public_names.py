"""``__all__`` is exact in both directions, in the package and in each of its public modules."""

import ast
import types
from pathlib import Path

import pytest

import aiopyramid_sqlalchemy
from aiopyramid_sqlalchemy import exceptions, testing

MODULES = [aiopyramid_sqlalchemy, exceptions, testing]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_all_is_a_sorted_tuple_without_repetitions(module):
    assert type(module.__all__) is tuple
    assert list(module.__all__) == sorted(set(module.__all__))


def test_the_package_lists_what_it_offers():
    offered = {
        name
        for name, value in vars(aiopyramid_sqlalchemy).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert offered == set(aiopyramid_sqlalchemy.__all__)


def test_the_type_checked_file_uses_all_that_the_package_offers():
    source = (Path(__file__).parent / "typing" / "sqlalchemy_api.py").read_text()
    imported = {
        alias.name
        for statement in ast.parse(source).body
        if isinstance(statement, ast.ImportFrom) and statement.module == "aiopyramid_sqlalchemy"
        for alias in statement.names
    }
    assert imported == set(aiopyramid_sqlalchemy.__all__)


def test_the_package_offers_each_exception():
    assert set(exceptions.__all__) < set(aiopyramid_sqlalchemy.__all__)


@pytest.mark.parametrize("name", aiopyramid_sqlalchemy.__all__)
def test_every_public_name_is_documented(name):
    assert getattr(aiopyramid_sqlalchemy, name).__doc__
