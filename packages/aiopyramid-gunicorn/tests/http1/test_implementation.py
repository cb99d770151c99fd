"""implementation: which form of the path of a usual request is in use."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from aiopyramid_gunicorn._http1 import implementation
from aiopyramid_gunicorn._http1.implementation import mismatch_with
from aiopyramid_gunicorn._http1.response import Response

COMPILED = "aiopyramid_gunicorn_fast"


def load():
    """Run the module again, as a process does that starts now."""
    spec = importlib.util.find_spec(implementation.__name__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def install(monkeypatch):
    """Install a compiled form that was made for a number of the interface."""

    def install(interface):
        names = ("", "._request", "._response")
        package, requests, responses = [ModuleType(COMPILED + name) for name in names]
        package.INTERFACE = interface
        requests.WholeRequestReader = requests.build_environ = object()
        responses.Response = object()
        for module in (package, requests, responses):
            monkeypatch.setitem(sys.modules, module.__name__, module)
        return responses

    return install


def test_a_compiled_form_that_is_installed_is_in_use(install):
    responses = install(1)
    loaded = load()
    assert (loaded.IMPLEMENTATION, loaded.MISMATCH) == ("compiled", None)
    assert loaded.Response is responses.Response


def test_one_that_does_not_fit_is_not_in_use(install):
    install(0)
    loaded = load()
    assert ("pure Python", mismatch_with(0)) == (loaded.IMPLEMENTATION, loaded.MISMATCH)
    assert loaded.Response is Response


def test_one_whose_modules_cannot_be_imported_is_not_in_use_and_the_reason_is_told(
    install, monkeypatch
):
    install(1)
    monkeypatch.setitem(sys.modules, f"{COMPILED}._response", None)
    loaded = load()
    assert loaded.IMPLEMENTATION == "pure Python"
    assert f"cannot be used, import of {COMPILED}._response halted" in loaded.MISMATCH
    assert loaded.MISMATCH.endswith("or uninstall aiopyramid-gunicorn-fast")


def test_the_folder_that_is_left_of_one_is_not_in_use(monkeypatch, tmp_path):
    monkeypatch.delitem(sys.modules, COMPILED, raising=False)
    others = [each for each in sys.path if not Path(each, COMPILED).exists()]
    monkeypatch.setattr(sys, "path", [str(tmp_path), *others])
    (tmp_path / COMPILED).mkdir()
    try:
        loaded = load()
    finally:
        sys.modules.pop(COMPILED, None)
    assert ("pure Python", mismatch_with(None)) == (loaded.IMPLEMENTATION, loaded.MISMATCH)


def test_without_one_the_pure_form_is_in_use(monkeypatch):
    monkeypatch.setitem(sys.modules, COMPILED, None)
    loaded = load()
    assert (loaded.IMPLEMENTATION, loaded.MISMATCH) == ("pure Python", None)


def test_one_that_cannot_be_imported_does_not_pass_for_one_that_is_absent(monkeypatch, tmp_path):
    monkeypatch.delitem(sys.modules, COMPILED, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / f"{COMPILED}.py").write_text("import there_is_no_such_module")
    with pytest.raises(ModuleNotFoundError, match="there_is_no_such_module"):
        load()


def test_a_compiled_form_of_the_same_interface_fits():
    assert mismatch_with(1) is None


def test_the_message_about_another_one_says_what_to_do():
    assert mismatch_with(0) == (
        "the installed aiopyramid-gunicorn-fast was made for another version of aiopyramid-gunicorn"
        " (interface 0, expected 1): run 'pip install --upgrade \"aiopyramid-gunicorn[fast]\"', or"
        " uninstall aiopyramid-gunicorn-fast"
    )
