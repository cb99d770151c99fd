"""``__all__`` is exact, in the package and in each of its modules."""

import importlib
import pkgutil
import types

import pytest

import aiopyramid_uwsgi

MODULES = [
    f"aiopyramid_uwsgi.{info.name}" for info in pkgutil.iter_modules(aiopyramid_uwsgi.__path__)
]


def defined_in(module):
    """Return the public names of the functions and classes that a module defines."""
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and isinstance(value, types.FunctionType | type)
        and value.__module__ == module.__name__
    }


@pytest.mark.parametrize("name", MODULES)
def test_a_module_lists_what_it_defines(name):
    module = importlib.import_module(name)
    assert type(module.__all__) is tuple
    assert defined_in(module) <= set(module.__all__) <= set(vars(module))


def test_the_package_offers_what_it_lists():
    offered = {
        name
        for name, value in vars(aiopyramid_uwsgi).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert offered == set(aiopyramid_uwsgi.__all__)


@pytest.mark.parametrize("name", aiopyramid_uwsgi.__all__)
def test_every_public_name_is_documented(name):
    assert getattr(aiopyramid_uwsgi, name).__doc__
