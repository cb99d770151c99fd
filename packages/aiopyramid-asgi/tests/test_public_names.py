"""``__all__`` is exact in both directions, in the package and in each of its public modules."""

import ast
import types
from pathlib import Path

import pytest

import aiopyramid_asgi
from aiopyramid_asgi import application, exceptions, runners

MODULES = [aiopyramid_asgi, application, exceptions, runners]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_all_is_a_sorted_tuple_without_repetitions(module):
    assert type(module.__all__) is tuple
    assert list(module.__all__) == sorted(set(module.__all__))


def test_the_package_lists_what_it_offers():
    offered = {
        name
        for name, value in vars(aiopyramid_asgi).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert offered == set(aiopyramid_asgi.__all__)


def test_the_type_checked_file_uses_all_that_the_package_offers():
    source = (Path(__file__).parent / "typing" / "asgi_api.py").read_text()
    imported = {
        alias.name
        for statement in ast.parse(source).body
        if isinstance(statement, ast.ImportFrom) and statement.module == "aiopyramid_asgi"
        for alias in statement.names
    }
    assert imported == set(aiopyramid_asgi.__all__)
