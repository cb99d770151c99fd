"""``__all__`` is exact in both directions, in the package and in each of its modules."""

import importlib
import pkgutil
import types

import pytest

import aiopyramid_websocket

MODULES = [
    f"aiopyramid_websocket.{info.name}"
    for info in pkgutil.iter_modules(aiopyramid_websocket.__path__)
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


def constants_first(name):
    """Order names as ruff does: constants, classes, functions."""
    return not name.isupper(), not name[0].isupper(), name


@pytest.mark.parametrize("name", ["aiopyramid_websocket", *PUBLIC])
def test_all_is_a_sorted_tuple_without_repetitions(name):
    names = importlib.import_module(name).__all__
    assert type(names) is tuple
    assert list(names) == sorted(set(names), key=constants_first)


@pytest.mark.parametrize("name", ["aiopyramid_websocket", *PUBLIC])
def test_every_name_in_all_exists(name):
    module = importlib.import_module(name)
    assert [each for each in module.__all__ if not hasattr(module, each)] == []


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_module_lists_the_functions_and_classes_that_it_defines(name):
    module = importlib.import_module(name)
    listed = {each for each in module.__all__ if is_function_or_class(getattr(module, each))}
    assert own_public_names(module) == listed


def test_the_package_lists_what_it_offers():
    assert imported_public_names(aiopyramid_websocket) == set(aiopyramid_websocket.__all__)


@pytest.mark.parametrize("name", aiopyramid_websocket.__all__)
def test_every_public_name_is_documented(name):
    documentation = getattr(aiopyramid_websocket, name).__doc__
    assert documentation
    assert ".. versionadded:: " in documentation
