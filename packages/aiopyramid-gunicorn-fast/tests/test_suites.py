"""The tests of aiopyramid-gunicorn hold for the compiled form, too."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[2] / "aiopyramid-gunicorn/tests"


# Of the conformance tests those that send a request in one piece: others do not reach it.
@pytest.mark.parametrize("suite", [["http1"], ["conformance", "-k", "whole"]], ids=" ".join)
def test_the_compiled_form_passes_the_tests_of_the_pure_one(fast, suite):
    folder, *options = suite
    environment = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", str(TESTS / folder), *options],
        env={**environment, "PYTHONPATH": fast},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_compiled_form_is_in_use_if_it_is_installed(fast):
    module = "aiopyramid_gunicorn._http1.implementation"
    program = f"from {module} import IMPLEMENTATION, Response; print(IMPLEMENTATION, Response)"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env={**os.environ, "PYTHONPATH": fast},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "compiled <class 'aiopyramid_gunicorn_fast._response.Response'>\n"
