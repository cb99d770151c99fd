"""The compiled form, built when it is first wanted; no test here can do without it."""

import importlib
import sys
from types import ModuleType

import pytest

from build_fast import CannotBuild, fast_folder


@pytest.fixture(scope="session")
def fast() -> str:
    """Return the folder with the compiled form; skip the test if it cannot be built here."""
    try:
        return str(fast_folder())
    except CannotBuild as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def compiled_request(fast: str) -> ModuleType:
    """Return the compiled module for requests."""
    return _imported(fast, "_request")


@pytest.fixture(scope="session")
def compiled_response(fast: str) -> ModuleType:
    """Return the compiled module for responses."""
    return _imported(fast, "_response")


def _imported(folder: str, name: str) -> ModuleType:
    # Of this process, aiopyramid_gunicorn has chosen the pure form, or will in another test.
    importlib.import_module("aiopyramid_gunicorn._http1.implementation")
    sys.path.insert(0, folder)
    try:
        return importlib.import_module(f"aiopyramid_gunicorn_fast.{name}")
    finally:
        sys.path.remove(folder)
