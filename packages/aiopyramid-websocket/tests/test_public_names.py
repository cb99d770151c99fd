"""``__all__`` says what the package offers, and all of it is documented."""

import importlib
import inspect
import pkgutil

import pytest

import aiopyramid_websocket

PACKAGE = aiopyramid_websocket.__name__
MODULES = [f"{PACKAGE}.{info.name}" for info in pkgutil.iter_modules(aiopyramid_websocket.__path__)]


def offered(name):
    """Return the names without underscore that are not modules."""
    members = inspect.getmembers(importlib.import_module(name), lambda x: not inspect.ismodule(x))
    return {member for member, _ in members if not member.startswith("_")}


@pytest.mark.parametrize("name", [PACKAGE, *MODULES])
def test_every_name_in_all_exists_once(name):
    names = importlib.import_module(name).__all__
    assert type(names) is tuple
    assert len(names) == len(set(names))
    assert set(names) <= offered(name)


def test_the_public_modules_are_these():
    names = [name.rpartition(".")[2] for name in MODULES]
    assert [name for name in names if not name.startswith("_")] == [
        "broadcast",
        "config",
        "exceptions",
        "helpers",
        "mapper",
        "settings",
        "testing",
        "view",
        "websocket",
    ]


def test_the_package_lists_what_it_offers():
    assert offered(PACKAGE) == set(aiopyramid_websocket.__all__)


@pytest.mark.parametrize("name", aiopyramid_websocket.__all__)
def test_every_public_name_is_documented(name):
    assert inspect.getdoc(getattr(aiopyramid_websocket, name))


@pytest.mark.parametrize("rest", ["Closed", "ConnectionView", "Mapper"])
def test_the_spelling_of_0x_is_an_alias(rest):
    historic = getattr(aiopyramid_websocket, f"Websocket{rest}")
    assert historic is getattr(aiopyramid_websocket, f"WebSocket{rest}")
    assert historic.__name__ == f"WebSocket{rest}"
