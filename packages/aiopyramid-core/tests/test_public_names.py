"""``__all__`` is exact in both directions, in the package and in each of its modules."""

import ast
import importlib
import pkgutil
import types
from pathlib import Path

import pytest

import aiopyramid_core

MODULES = [
    f"aiopyramid_core.{info.name}" for info in pkgutil.iter_modules(aiopyramid_core.__path__)
]
PUBLIC = [name for name in MODULES if not name.rpartition(".")[2].startswith("_")]


def is_function_or_class(value):
    return isinstance(value, types.FunctionType | type)


def own_public_names(module):
    """Return the names of the functions and classes without underscore that a module defines."""
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and is_function_or_class(value)
        and value.__module__ == module.__name__
    }


def imported_public_names(package):
    """Return the names without underscore in a package that are not its modules."""
    return {
        name
        for name, value in vars(package).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }


@pytest.mark.parametrize("name", ["aiopyramid_core", *PUBLIC])
def test_all_is_a_sorted_tuple_without_repetitions(name):
    names = importlib.import_module(name).__all__
    assert type(names) is tuple
    assert list(names) == sorted(set(names))


@pytest.mark.parametrize("name", ["aiopyramid_core", *PUBLIC])
def test_every_name_in_all_exists(name):
    module = importlib.import_module(name)
    assert [each for each in module.__all__ if not hasattr(module, each)] == []


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_module_lists_the_functions_and_classes_that_it_defines(name):
    module = importlib.import_module(name)
    listed = {each for each in module.__all__ if is_function_or_class(getattr(module, each))}
    assert own_public_names(module) == listed


def test_the_package_lists_what_it_offers():
    from_elsewhere = {"Any"}  # typing's, for an annotation
    assert imported_public_names(aiopyramid_core) - from_elsewhere == set(aiopyramid_core.__all__)


def test_the_type_checked_file_uses_all_that_the_package_offers():
    source = (Path(__file__).parent / "typing" / "core_api.py").read_text()
    imports = next(each for each in ast.parse(source).body if is_import_of_the_package(each))
    assert [alias.name for alias in imports.names] == list(aiopyramid_core.__all__)


def is_import_of_the_package(statement):
    return isinstance(statement, ast.ImportFrom) and statement.module == "aiopyramid_core"


@pytest.mark.parametrize("name", aiopyramid_core.__all__)
def test_every_public_name_is_documented(name):
    documentation = getattr(aiopyramid_core, name).__doc__
    assert documentation
    assert ".. versionadded:: " in documentation
