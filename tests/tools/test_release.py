import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.version import Version

from release import next_version, read_distributions, rehearse, release
from wheels import LOCKED, Refused, build, check, install_alone

ROOT = Path(__file__).parents[2]
WORKSPACE = """\
[tool.uv.workspace]
members = ["packages/*"]

[tool.uv.sources]
thing-core = { workspace = true }
"""
PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "thing-%(part)s"
version = "1.0.0"
description = "A thing"
readme = "README.md"
requires-python = ">=3.11"
license = "MIT"
license-files = ["LICENSE"]
keywords = ["thing"]
dependencies = %(needs)s

[tool.hatch.build.targets.wheel]
packages = ["src/thing_%(part)s"]
"""
REPOSITORY = """
[tool.aiopyramid]
repository = "https://forge.example/us/thing"
files = "{repository}/blob/{ref}/{path}"
"""
OVERVIEW = "| [thing-core](c) | 1.0.0 | fast |\n| [thing-web](w) | 1.0.0 | small |\n"
CHANGES = "# Changes\n\n<!-- sections -->\n\n## 1.0.0 (2026-01-01)\n\n- First.\n"


def write(file: Path, text: str = "") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def git(root: Path, *arguments: str) -> str:
    command = ["git", *arguments]
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout


def commit(root: Path) -> None:
    git(root, "add", "--all")
    git(root, "commit", "--message=Work")


def state(root: Path) -> tuple[str, str, str]:
    return git(root, "rev-parse", "HEAD"), git(root, "tag"), git(root, "status", "--porcelain")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("template")
    write(root / "pyproject.toml", WORKSPACE)
    write(root / ".gitignore", ".venv/\ndist/\n")
    write(root / ".venv/requirements.txt")
    for part, needs in (("core", "[]"), ("web", '["thing-core>=1.0,<2"]')):
        folder = root / f"packages/thing-{part}"
        write(folder / "pyproject.toml", PROJECT % {"part": part, "needs": needs})
        for name in (f"src/thing_{part}/__init__.py", f"src/thing_{part}/py.typed", "LICENSE"):
            write(folder / name)
        write(folder / "README.md", "# A thing\n")
        write(folder / "CHANGES.md", CHANGES)
        write(folder / "changes.d/.gitkeep")
        write(folder / "tests/test_thing.py")
    write(root / "docs/changelog.md", OVERVIEW)
    for name in ("towncrier.toml", "tools/lock.py"):
        write(root / name, (ROOT / name).read_text())
    # `make` says that nothing is to be locked, which holds for its own project only.
    environment = {name: value for name, value in os.environ.items() if name != "UV_FROZEN"}
    command = ["uv", "lock", "--offline"]
    subprocess.run(command, cwd=root, check=True, capture_output=True, env=environment)
    git(root, "init", "--quiet")
    git(root, "config", "user.name", "A")
    git(root, "config", "user.email", "a@example.com")
    commit(root)
    git(root, "tag", "thing-core-1.0.0")
    return root


@pytest.fixture
def root(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace of two small packages, of which thing-web needs thing-core below 2."""
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.delenv("UV_FROZEN", raising=False)
    return shutil.copytree(template, tmp_path / "root")


@pytest.fixture
def refusal(root: Path) -> Callable[..., str]:
    """Try a release, see that it is refused and has changed nothing, and return the reason."""

    def refusal(name: str = "thing-core", version: str = "1.0.1") -> str:
        before = state(root)
        with pytest.raises(Refused) as refused:
            release(root, name, Version(version))
        assert state(root) == before
        return str(refused.value)

    return refusal


def test_a_release_is_committed_tagged_and_built(root: Path) -> None:
    write(root / "packages/thing-core/changes.d/+speed.feature.md", "It is faster.\n")
    commit(root)

    release(root, "thing-core", Version("1.1.0"))

    assert git(root, "log", "-1", "--format=%s") == "Release thing-core 1.1.0\n"
    assert git(root, "tag", "--points-at", "HEAD") == "thing-core-1.1.0\n"
    assert git(root, "status", "--porcelain") == ""
    assert {file.name for file in (root / "dist").iterdir()} == {
        "thing_core-1.1.0-py3-none-any.whl",
        "thing_core-1.1.0.tar.gz",
    }
    assert read_distributions(root)["thing-core"].version == Version("1.1.0")
    assert 'name = "thing-core"\nversion = "1.1.0"' in (root / "uv.lock").read_text()


def test_fragments_become_a_section_of_the_changelog(root: Path) -> None:
    folder = root / "packages/thing-core"
    write(folder / "changes.d/+speed.feature.md", "It is faster.\n")
    write(folder / "changes.d/+end.fix.md", "It ends.\n")
    commit(root)

    release(root, "thing-core", Version("1.1.0"))

    text = re.sub(r"\d{4}-\d\d-\d\d", "TODAY", (folder / "CHANGES.md").read_text())
    assert "## 1.1.0 (TODAY)\n\n### Added\n\n- It is faster." in text
    assert "### Fixed\n\n- It ends." in text
    assert text.endswith("## 1.0.0 (TODAY)\n\n- First.\n")
    assert [file.name for file in (folder / "changes.d").iterdir()] == [".gitkeep"]


def test_the_overview_of_changelogs_names_the_new_version(root: Path) -> None:
    write(root / "packages/thing-core/changes.d/+speed.feature.md", "It is faster.\n")
    commit(root)

    release(root, "thing-core", Version("1.1.0"))

    overview = (root / "docs/changelog.md").read_text()
    assert overview == OVERVIEW.replace("1.0.0 | fast", "1.1.0 | fast")


def test_a_package_that_the_overview_lacks_is_refused(
    root: Path, refusal: Callable[..., str]
) -> None:
    write(root / "docs/changelog.md", OVERVIEW.replace("[thing-core]", "[thing]"))
    commit(root)

    assert "one row for thing-core, not 0" in refusal()


def test_a_section_written_by_hand_gets_its_date(root: Path) -> None:
    changelog = root / "packages/thing-web/CHANGES.md"
    changelog.write_text(CHANGES.replace("2026-01-01", "unreleased"))
    commit(root)

    release(root, "thing-web", Version("1.0.0"))

    assert re.search(r"^## 1\.0\.0 \(\d{4}-\d\d-\d\d\)$", changelog.read_text(), re.MULTILINE)


def test_a_rehearsal_changes_nothing_and_respects_what_requires_what(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = state(root)

    rehearse(root, {"thing-web": Version("1.0.0"), "thing-core": Version("1.0.1")})

    assert state(root) == before
    assert not (root / "dist").exists()
    told = capsys.readouterr().out
    assert re.findall(r"(\S+) could be published", told) == [
        "thing_core-1.0.1-py3-none-any.whl",
        "thing_web-1.0.0-py3-none-any.whl",
    ]
    assert "pyproject.toml names no public repository" in told


def test_the_links_of_a_readme_are_addresses_in_what_is_published(
    root: Path, tmp_path: Path
) -> None:
    workspace = root / "pyproject.toml"
    workspace.write_text(workspace.read_text() + REPOSITORY)
    distribution = read_distributions(root)["thing-web"]
    readme = "[Core](../thing-core/README.md#use) [here](#use) [there](https://example.com)\n"
    write(distribution.folder / "README.md", f"{readme}```\n[code](as-it-is)\n```\n")

    built = build(distribution, tmp_path / "files")
    check(built)

    with zipfile.ZipFile(built.wheel) as wheel:
        metadata = wheel.read("thing_web-1.0.0.dist-info/METADATA").decode()
    files = "https://forge.example/us/thing/blob/thing-web-1.0.0/packages"
    assert f"[Core]({files}/thing-core/README.md#use)" in metadata
    assert f"[here]({files}/thing-web/README.md#use)" in metadata
    assert "[there](https://example.com)" in metadata
    assert "[code](as-it-is)" in metadata
    assert "Project-URL: Repository, https://forge.example/us/thing\n" in metadata
    assert f"Project-URL: Changelog, {files}/thing-web/CHANGES.md\n" in metadata
    assert distribution.folder.joinpath("README.md").read_text().startswith(readme)


def test_the_next_release_is_the_current_version_until_that_is_tagged(root: Path) -> None:
    distributions = read_distributions(root)
    tags = {"thing-core-1.0.0"}

    assert next_version(distributions["thing-core"], tags) == Version("1.0.1")
    assert next_version(distributions["thing-web"], tags) == Version("1.0.0")


def test_a_version_that_another_package_does_not_allow_is_refused(
    refusal: Callable[..., str],
) -> None:
    assert refusal(version="2.0.0") == (
        "thing-web requires thing-core<2,>=1.0, which excludes 2.0.0:"
        " adapt thing-web and its range, and release it afterwards."
    )


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("0.9", "thing-core is at 1.0.0: 0.9 is older."),
        ("1.0.0", "The tag thing-core-1.0.0 exists: choose a version that is not released"),
    ],
)
def test_no_version_is_released_twice_or_out_of_order(
    refusal: Callable[..., str], version: str, reason: str
) -> None:
    assert refusal(version=version).startswith(reason)


def test_an_unknown_name_is_refused_with_those_that_there_are(refusal: Callable[..., str]) -> None:
    assert refusal("thing") == "There is no thing here, only thing-core, thing-web."


def test_nothing_is_released_from_files_that_are_not_committed(
    root: Path, refusal: Callable[..., str]
) -> None:
    write(root / "new.py")

    assert "not committed" in refusal()


def test_a_fragment_of_no_known_kind_is_refused(root: Path, refusal: Callable[..., str]) -> None:
    write(root / "packages/thing-core/changes.d/+speed.featrue.md", "It is faster.\n")
    commit(root)

    assert "+speed.featrue.md" in refusal()


def test_fragments_beside_a_section_written_by_hand_are_refused(
    root: Path, refusal: Callable[..., str]
) -> None:
    folder = root / "packages/thing-web"
    write(folder / "CHANGES.md", CHANGES.replace("2026-01-01", "unreleased"))
    write(folder / "changes.d/+speed.feature.md", "It is faster.\n")
    commit(root)

    assert "move the text of +speed.feature.md there" in refusal("thing-web", "1.0.0")
    assert "announces 1.0.0, not 1.0.1" in refusal("thing-web", "1.0.1")


def test_a_package_that_cannot_be_imported_alone_is_refused(
    root: Path, refusal: Callable[..., str]
) -> None:
    write(root / "packages/thing-core/src/thing_core/__init__.py", "import thing_web\n")
    commit(root)

    assert "No module named 'thing_web'" in refusal()


def test_an_extra_called_all_that_cannot_be_installed_is_refused(
    root: Path, tmp_path: Path
) -> None:
    project = root / "packages/thing-core/pyproject.toml"
    extras = '\n[project.optional-dependencies]\nall = ["thing-web>=9"]\n'
    project.write_text(project.read_text() + extras)
    built = build(read_distributions(root)["thing-core"], tmp_path / "files")

    with pytest.raises(Refused, match="thing-web was not found"):
        install_alone(built, tmp_path / "files", root / LOCKED)


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda folder: (folder / "src/thing_core/py.typed").unlink(), "lacks thing_core/py.typed"),
        (lambda folder: write(folder / "src/thing_core/tests/test_a.py"), "tests/test_a.py, which"),
        (lambda folder: (folder / "README.md").write_text(""), "README cannot be rendered"),
        (lambda folder: (folder / "README.md").write_text("[a]: b\n\n[a]\n"), "link to b would"),
    ],
    ids=["untyped", "tests inside", "nothing to read", "a link to a file"],
)
def test_files_that_are_not_as_they_should_be_are_refused(
    root: Path, tmp_path: Path, spoil: Callable[[Path], None], fault: str
) -> None:
    distribution = read_distributions(root)["thing-core"]
    spoil(distribution.folder)

    with pytest.raises(Refused, match=fault):
        check(build(distribution, tmp_path / "files"))


def test_a_wheel_that_the_folder_does_not_give_again_is_refused(root: Path, tmp_path: Path) -> None:
    distribution = read_distributions(root)["thing-core"]
    built = build(distribution, tmp_path / "files")
    write(distribution.folder / "src/thing_core/more.py")

    with pytest.raises(Refused, match="is not the same if it is built without the source archive"):
        check(built)
