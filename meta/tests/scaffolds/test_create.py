"""_create: a project is there wholly, or there is nothing."""

import compileall
import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

from aiopyramid.scaffolds import SCAFFOLDS, ScaffoldError, create_project
from aiopyramid.scaffolds.exceptions import (
    NoSuchFolder,
    TargetExists,
    UnknownScaffold,
    UnusableName,
)

README = Path(__file__).parents[2] / "README.md"

each_scaffold = pytest.mark.parametrize("scaffold", SCAFFOLDS)


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@each_scaffold
def test_a_project_is_named_like_its_folder_and_holds_a_package(
    scaffold: str, tmp_path: Path
) -> None:
    folder = create_project(scaffold, tmp_path / "My-Site.org")

    assert folder == tmp_path / "My-Site.org"
    assert {"pyproject.toml", "development.ini", "my_site_org/__init__.py"} <= files_in(folder)
    assert 'name = "My-Site.org"' in (folder / "pyproject.toml").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["My-Site.org"]


@each_scaffold
def test_a_project_is_ready_for_breakpoints_and_shows_what_waits(
    scaffold: str, tmp_path: Path
) -> None:
    folder = create_project(scaffold, tmp_path / "site1")
    settings = ConfigParser(interpolation=None)
    settings.read(folder / "development.ini")
    assert settings["server:main"]["timeout"] == "0"
    assert settings["app:main"]["aiopyramid.debug_blocking"] == "0.1"
    assert settings["app:main"]["debugtoolbar.includes"] == "aiopyramid_debugtoolbar"


@each_scaffold
def test_nothing_of_the_templates_language_is_left(scaffold: str, tmp_path: Path) -> None:
    folder = create_project(scaffold, tmp_path / "site1")

    for path in files_in(folder):
        assert "cookiecutter" not in path + (folder / path).read_text()


@each_scaffold
def test_a_scaffold_can_be_used_with_cookiecutter_itself(
    scaffold: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cookiecutter.main import cookiecutter

    config = tmp_path / "cookiecutter.json"
    config.write_text(json.dumps({"replay_dir": str(tmp_path), "cookiecutters_dir": str(tmp_path)}))
    made = cookiecutter(
        str(SCAFFOLDS[scaffold].folder),
        no_input=True,
        extra_context={"project": "Site-1"},
        output_dir=str(tmp_path / "by-cookiecutter"),
        config_file=str(config),
    )

    assert files_in(Path(made)) == files_in(create_project(scaffold, tmp_path / "Site-1"))


def test_the_command_in_the_readme_creates_a_project(tmp_path: Path) -> None:
    (command,) = re.findall("^    (cookiecutter .+)$", README.read_text(), re.MULTILINE)
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        command,
        shell=True,
        cwd=tmp_path,
        env=os.environ | {"HOME": str(tmp_path), "PATH": programs},
        input="site1\n\n",  # the project, and for the package what it proposes
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (tmp_path / "other").mkdir()
    expected = create_project("aio_starter", tmp_path / "other/site1")
    assert files_in(tmp_path / "site1") == files_in(expected)


def test_the_package_may_be_named_otherwise(tmp_path: Path) -> None:
    folder = create_project("aio_starter", tmp_path / "site1", package="my_package")

    assert (folder / "my_package").is_dir()


def test_a_relative_path_is_one_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert create_project("aio_starter", Path("site1")) == tmp_path / "site1"


# --- What is refused ------------------------------------------------------------------------------


@pytest.fixture
def refused(tmp_path: Path) -> object:
    """Check that a project is refused and that nothing has been written."""

    def refused(error: type[ScaffoldError], says: str, *args: object) -> None:
        before = files_in(tmp_path)
        with pytest.raises(error) as caught:
            create_project(*args)  # type: ignore[arg-type]
        assert says in str(caught.value)
        assert files_in(tmp_path) == before

    return refused


def test_an_unknown_scaffold(refused, tmp_path: Path) -> None:
    says = f"There is no scaffold 'x'. Choose one of: {', '.join(SCAFFOLDS)}"
    refused(UnknownScaffold, says, "x", tmp_path / "site1")


def test_a_folder_that_exists(refused, tmp_path: Path) -> None:
    (tmp_path / "site1").mkdir()
    refused(TargetExists, "site1 exists already.", "aio_starter", tmp_path / "site1")


def test_a_file_that_exists(refused, tmp_path: Path) -> None:
    (tmp_path / "site1").write_text("mine")
    refused(TargetExists, "site1 exists already.", "aio_starter", tmp_path / "site1")


def test_a_link_that_leads_nowhere(refused, tmp_path: Path) -> None:
    (tmp_path / "site1").symlink_to("nowhere")
    refused(TargetExists, "site1 exists already.", "aio_starter", tmp_path / "site1")


def test_a_folder_below_none(refused, tmp_path: Path) -> None:
    target = tmp_path / "none" / "site1"
    refused(NoSuchFolder, f"There is no folder {target.parent}", "aio_starter", target)


@pytest.mark.parametrize("name", ["-site", "site.", "my site", "größe", "{{x}}"])
def test_a_project_that_cannot_be_called_so(refused, tmp_path: Path, name: str) -> None:
    refused(UnusableName, "a project's name has letters", "aio_starter", tmp_path / name)


@pytest.mark.parametrize("name", ["1site", "class"])
def test_a_package_that_cannot_be_imported(refused, tmp_path: Path, name: str) -> None:
    says = "Python cannot import it. Name the package with --package-name"
    refused(UnusableName, says, "aio_starter", tmp_path / name)


@pytest.mark.parametrize("name", ["json", "pyramid", "aiopyramid"])
def test_a_package_that_there_is_already(refused, tmp_path: Path, name: str) -> None:
    says = "there is a Python package or module of this name"
    refused(UnusableName, says, "aio_starter", tmp_path / name)


@pytest.mark.parametrize("length", [201, 300, 5000])
def test_a_name_that_no_file_system_takes(refused, tmp_path: Path, length: int) -> None:
    says = f"it has {length} characters, and the maximum is 200"
    refused(UnusableName, says, "aio_starter", tmp_path / ("a" * length))
    refused(UnusableName, says, "aio_starter", tmp_path / "site1", "a" * length)


def test_a_name_of_the_greatest_length_can_be_used(tmp_path: Path) -> None:
    folder = create_project("aio_starter", tmp_path / ("a" * 200))
    assert (folder / ("a" * 200) / "__init__.py").is_file()


# --- What pip has done to a scaffold --------------------------------------------------------------


@pytest.fixture
def compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Have a scaffold as pip installs it: each Python file is there once more, compiled."""

    def compiled(name: str) -> Path:
        folder = tmp_path / "installed" / name
        shutil.copytree(SCAFFOLDS[name].folder, folder)
        # Its errors about the names in braces, which are not Python, do not matter.
        compileall.compile_dir(folder, quiet=2)
        assert [*folder.rglob("*.pyc")]
        scaffold = dataclasses.replace(SCAFFOLDS[name], folder=folder)
        monkeypatch.setitem(SCAFFOLDS, name, scaffold)
        return folder

    return compiled


@each_scaffold
def test_compiled_files_of_a_scaffold_are_left_out(scaffold: str, compiled, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    plain = files_in(create_project(scaffold, tmp_path / "site1"))
    compiled(scaffold)
    assert files_in(create_project(scaffold, tmp_path / "other" / "site1")) == plain
