"""Facts that hold for each of the six distributions, asked of what a user would install."""

import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from email.message import Message
from importlib.metadata import requires
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = {
    "aiopyramid": ROOT / "meta",
    "aiopyramid-core": ROOT / "packages/aiopyramid-core",
    "aiopyramid-gunicorn": ROOT / "packages/aiopyramid-gunicorn",
    "aiopyramid-traversal": ROOT / "packages/aiopyramid-traversal",
    "aiopyramid-uwsgi": ROOT / "packages/aiopyramid-uwsgi",
    "aiopyramid-websocket": ROOT / "packages/aiopyramid-websocket",
}
CORE = "aiopyramid-core<2,>=1.0"
SATELLITES = {f"{name}<2,>=1.0" for name in FOLDERS} - {CORE, "aiopyramid<2,>=1.0"}
DEPENDENCIES = {
    "aiopyramid": {CORE, *SATELLITES},
    "aiopyramid-core": {"pyramid>=2.1", "greenlet>=3.1.1"},
    "aiopyramid-gunicorn": {CORE, "gunicorn>=25.2", "httptools>=0.8"},
    "aiopyramid-traversal": {CORE},
    "aiopyramid-uwsgi": {CORE},
    "aiopyramid-websocket": {CORE},
}

each_distribution = pytest.mark.parametrize("name", FOLDERS)


def build(name: str, kind: str, into: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", into]
    subprocess.run(command, cwd=FOLDERS[name], check=True, capture_output=True)
    (built,) = into.iterdir()
    return built


def test_the_table_above_names_every_folder_of_the_workspace() -> None:
    assert {*FOLDERS.values()} == {ROOT / "meta", *(ROOT / "packages").iterdir()}


@each_distribution
def test_it_needs_only_what_it_has_a_reason_for(name: str) -> None:
    needed = {entry for entry in requires(name) or () if "extra ==" not in entry}

    assert needed == DEPENDENCIES[name]


@each_distribution
def test_its_wheel_is_typed_and_holds_its_licence_and_only_its_own_package(
    name: str, tmp_path: Path
) -> None:
    wheel = zipfile.ZipFile(build(name, "wheel", tmp_path))
    package, info = name.replace("-", "_"), f"{name.replace('-', '_')}-1.0.0.dist-info"
    held = set(wheel.namelist())

    assert {f"{package}/__init__.py", f"{package}/py.typed"} <= held
    assert f"{info}/licenses/LICENSE" in held
    assert {member.partition("/")[0] for member in held} == {package, info}

    metadata: Message = message_from_bytes(wheel.read(f"{info}/METADATA"))
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Requires-Python"] == ">=3.11"


@each_distribution
def test_its_source_archive_can_be_tested_and_tells_what_changed(name: str, tmp_path: Path) -> None:
    with tarfile.open(build(name, "sdist", tmp_path)) as archive:
        held = {member.partition("/")[2] for member in archive.getnames()}

    assert {"CHANGES.md", "LICENSE", "README.md", "pyproject.toml"} <= held
    assert any(member.startswith("tests/test_") for member in held)


@each_distribution
def test_its_licence_is_the_one_of_the_repository(name: str) -> None:
    assert (FOLDERS[name] / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
