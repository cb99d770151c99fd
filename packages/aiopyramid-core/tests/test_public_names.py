"""``__all__`` is exact in both directions, in the package and in each of its modules."""

import ast
import importlib
import inspect
import pkgutil
import re
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


def constants_first(name):
    """Order names as ruff does: constants, classes, functions."""
    return not name.isupper(), not name[0].isupper(), name


@pytest.mark.parametrize("name", ["aiopyramid_core", *PUBLIC])
def test_all_is_a_sorted_tuple_without_repetitions(name):
    names = importlib.import_module(name).__all__
    assert type(names) is tuple
    assert list(names) == sorted(set(names), key=constants_first)


@pytest.mark.parametrize("name", ["aiopyramid_core", *PUBLIC])
def test_every_name_in_all_exists(name):
    module = importlib.import_module(name)
    assert [each for each in module.__all__ if not hasattr(module, each)] == []


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_module_lists_the_functions_and_classes_that_it_defines(name):
    module = importlib.import_module(name)
    assert own_public_names(module) <= set(module.__all__)


def test_the_package_lists_what_it_offers():
    from_elsewhere = {"Any"}  # typing's, for an annotation
    assert imported_public_names(aiopyramid_core) - from_elsewhere == set(aiopyramid_core.__all__)


def test_the_type_checked_file_uses_all_that_the_package_offers():
    source = (Path(__file__).parent / "typing" / "core_api.py").read_text()
    imports = next(each for each in ast.parse(source).body if is_import_of_the_package(each))
    assert [alias.name for alias in imports.names] == list(aiopyramid_core.__all__)


def is_import_of_the_package(statement):
    return isinstance(statement, ast.ImportFrom) and statement.module == "aiopyramid_core"


def public_functions_and_classes():
    """Yield each once, with the methods that its class defines: where it is, and what it is."""
    seen = set()
    for module in map(importlib.import_module, ["aiopyramid_core", *PUBLIC]):
        for name in module.__all__:
            value = getattr(module, name)
            if not is_function_or_class(value) or value in seen:
                continue
            seen.add(value)
            yield f"{module.__name__}.{name}", value
            for attribute, member in vars(value).items() if isinstance(value, type) else ():
                function = inspect.unwrap(getattr(member, "__func__", member))
                if isinstance(function, types.FunctionType) and not attribute.startswith("_"):
                    yield f"{module.__name__}.{name}.{attribute}", function


DOCUMENTED = dict(public_functions_and_classes())


@pytest.mark.parametrize("name", DOCUMENTED)
def test_it_has_documentation(name):
    assert inspect.getdoc(DOCUMENTED[name])


@pytest.mark.parametrize("name", DOCUMENTED)
def test_documentation_explains_each_argument(name):
    value = DOCUMENTED[name]
    function = vars(value).get("__init__") if isinstance(value, type) else value
    if getattr(value, "_is_protocol", False):
        function = None  # its __init__ is typing's
    explained = re.findall(r"^    [*]{0,2}(\w+):", inspect.getdoc(value), re.MULTILINE)
    parameters = inspect.signature(function).parameters if function is not None else {}
    assert [each for each in parameters if each not in (*explained, "self", "cls")] == []
