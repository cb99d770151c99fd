import os
import subprocess
import sys
from pathlib import Path

import pytest

from lock import neutral

SCRIPT = Path(__file__).parents[2] / "tools/lock.py"
PROJECT = """\
[project]
name = "example"
version = "1.0.0"
requires-python = ">=3.11"
dependencies = []
"""
# As uv writes it, with a made-up index.
LOCKED_PACKAGE = """
[[package]]
name = "thing"
version = "2.0+local"
source = { registry = "https://index.example/simple" }
sdist = { url = "https://files.example/aa/thing-2.0%2Blocal.tar.gz", hash = "sha256:aa", size = 9 }
wheels = [
    { url = "https://files.example/bb/thing-2.0.whl", hash = "sha256:bb", size = 7, upload-time = \
"2026-01-01T00:00:00Z" },
]
"""
NEUTRAL_PACKAGE = """
[[package]]
name = "thing"
version = "2.0+local"
source = { registry = "wheelhouse" }
sdist = { path = "thing-2.0+local.tar.gz", hash = "sha256:aa" }
wheels = [
    { path = "thing-2.0.whl", hash = "sha256:bb" },
]
"""


def run_lock(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, *options],
        cwd=project,
        env={**os.environ, "UV_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    locked = run_lock(tmp_path)
    assert locked.returncode == 0, locked.stderr
    return tmp_path


def test_addresses_become_file_names_and_hashes_stay() -> None:
    assert neutral(LOCKED_PACKAGE) == NEUTRAL_PACKAGE


def test_a_neutral_lock_stays_as_it_is() -> None:
    assert neutral(NEUTRAL_PACKAGE) == NEUTRAL_PACKAGE


def test_a_lock_just_written_passes_the_check_and_is_not_changed_by_it(project: Path) -> None:
    before = (project / "uv.lock").read_bytes()

    assert run_lock(project, "--check").returncode == 0
    assert (project / "uv.lock").read_bytes() == before


def test_a_lock_that_names_an_index_fails_the_check(project: Path) -> None:
    with (project / "uv.lock").open("a") as file:
        file.write(LOCKED_PACKAGE)

    checked = run_lock(project, "--check")

    assert checked.returncode == 1
    assert checked.stderr.startswith("uv.lock names a package index: run `make lock`")


def test_a_stale_lock_fails_the_check(project: Path) -> None:
    (project / "pyproject.toml").write_text(PROJECT.replace(">=3.11", ">=3.12"))

    checked = run_lock(project, "--check")

    assert checked.returncode == 1
    assert "uv.lock does not match the pyproject.toml files: run `make lock`" in checked.stderr


def test_a_missing_lock_fails_the_check(tmp_path: Path) -> None:
    checked = run_lock(tmp_path, "--check")

    assert checked.returncode == 1
    assert checked.stderr.startswith("There is no uv.lock here: run `make lock`")


def test_what_cannot_be_locked_leaves_the_lock_as_it_was(project: Path) -> None:
    before = (project / "uv.lock").read_bytes()
    (project / "pyproject.toml").write_text(PROJECT.replace("[]", '["example-of-nothing>=1"]'))

    locked = run_lock(project)

    assert locked.returncode == 1
    assert "uv.lock is unchanged" in locked.stderr
    assert (project / "uv.lock").read_bytes() == before
