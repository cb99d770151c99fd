"""tools/compiled_wheels.py: one wheel is really built, checked and used."""

import subprocess
import sys
from pathlib import Path

import pytest
from packaging.version import Version

import compiled_wheels
from compiled_wheels import COMPILED, interpreters
from distributions import Distribution, read_distribution

ROOT = Path(__file__).parents[2]
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


def named(*pythons: str) -> Distribution:
    """Return a distribution that names these versions of Python."""
    return Distribution("thing", Version("1.0"), ROOT, ".", (), pythons=pythons)


def test_the_running_python_is_one_of_those_that_the_package_names() -> None:
    distribution = read_distribution(ROOT / COMPILED / "pyproject.toml", ROOT)
    assert HERE in distribution.pythons


def test_a_python_that_is_not_installed_is_named_with_the_reason() -> None:
    assert [*interpreters(named("3.99"))] == [("python3.99", "it is not installed")]


def test_a_python_without_headers_is_named_with_the_reason(monkeypatch) -> None:
    lacks = compiled_wheels.HAS_HEADERS.replace("Python.h", "nowhere.h")
    monkeypatch.setattr(compiled_wheels, "HAS_HEADERS", lacks)
    assert [*interpreters(named(HERE))] == [(sys.executable, "its headers are not installed")]


def test_a_warning_of_a_python_is_not_a_reason(monkeypatch) -> None:
    warning = "import sys; print('a warning', file=sys.stderr)"
    monkeypatch.setattr(compiled_wheels, "HAS_HEADERS", warning)
    assert [*interpreters(named(HERE))] == [(sys.executable, None)]


def test_a_python_that_fails_silently_is_named_with_the_reason(monkeypatch) -> None:
    monkeypatch.setattr(compiled_wheels, "HAS_HEADERS", "raise SystemExit(1)")
    assert [*interpreters(named(HERE))] == [(sys.executable, "it does not start")]


def test_a_wheel_for_the_running_python_is_used(tmp_path: Path) -> None:
    ((program, reason),) = interpreters(named(HERE))
    if reason is not None:
        pytest.skip(f"{program}: {reason}")
    distribution = read_distribution(ROOT / COMPILED / "pyproject.toml", ROOT)
    compiled_wheels.build_and_check(distribution, tmp_path, [program])
    assert len([*tmp_path.glob("*.whl")]) == len([*tmp_path.glob("*.tar.gz")]) == 1


def test_without_any_python_there_is_an_error_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / COMPILED).mkdir(parents=True)
    project = '[project]\nname = "thing"\nversion = "1.0"\n'
    (tmp_path / COMPILED / "pyproject.toml").write_text(project)
    done = subprocess.run(
        [sys.executable, ROOT / "tools/compiled_wheels.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("No wheel can be built here: install a Python")
