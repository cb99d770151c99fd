"""``__all__`` is exact in both directions, in the package and in each of its modules."""

import importlib
import pkgutil
import types

import pytest

import aiopyramid_gunicorn

MODULES = [
    f"aiopyramid_gunicorn.{info.name}"
    for info in pkgutil.iter_modules(aiopyramid_gunicorn.__path__)
    if not info.ispkg
]
PUBLIC = [name for name in MODULES if not name.rpartition(".")[2].startswith("_")]


def own_names(module):
    """Return the names of the functions and classes without underscore that a module defines."""
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and isinstance(value, types.FunctionType | type)
        and value.__module__ == module.__name__
    }


@pytest.mark.parametrize("name", ["aiopyramid_gunicorn", *MODULES])
def test_all_is_a_tuple_without_repetitions(name):
    names = importlib.import_module(name).__all__
    assert type(names) is tuple
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", ["aiopyramid_gunicorn", *MODULES])
def test_every_name_in_all_exists(name):
    module = importlib.import_module(name)
    assert [each for each in module.__all__ if not hasattr(module, each)] == []


@pytest.mark.parametrize("name", MODULES)
def test_a_module_lists_the_functions_and_classes_it_defines(name):
    module = importlib.import_module(name)
    assert own_names(module) - set(module.__all__) == set()


def test_the_public_modules_are_these():
    assert [name.rpartition(".")[2] for name in PUBLIC] == ["exceptions", "worker"]


def test_the_package_offers_the_worker():
    offered = {
        name
        for name, value in vars(aiopyramid_gunicorn).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert offered == set(aiopyramid_gunicorn.__all__) == {"AsyncGunicornWorker"}


@pytest.mark.parametrize("name", aiopyramid_gunicorn.__all__)
def test_every_public_name_is_documented(name):
    assert getattr(aiopyramid_gunicorn, name).__doc__
