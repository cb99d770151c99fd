"""pcreate: the command."""

from importlib.metadata import entry_points
from pathlib import Path

import pytest

from aiopyramid.scaffolds import SCAFFOLDS
from aiopyramid.scaffolds.pcreate import main


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_is_installed_as_a_command() -> None:
    (command,) = entry_points(group="console_scripts", name="pcreate")

    assert command.load() is main


@pytest.mark.parametrize("scaffold", SCAFFOLDS)
def test_it_creates_a_project_and_says_what_comes_next(
    scaffold: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["-s", scaffold, "site1"])

    assert (here / "site1" / "development.ini").is_file()
    said = capsys.readouterr().out
    assert said.startswith(f"Created {here / 'site1'}. Next:\n")
    assert "cd site1\n" in said


def test_the_package_may_be_named(here: Path) -> None:
    main(["-s", "aio_starter", "--package-name", "mine", "site1"])

    assert (here / "site1" / "mine").is_dir()


@pytest.mark.parametrize("option", ["-l", "--list"])
def test_it_lists_the_scaffolds(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    main([option])

    title, *lines = capsys.readouterr().out.splitlines()
    assert title == "Scaffolds:"
    assert [line.split(maxsplit=1) for line in lines] == [
        [scaffold.name, scaffold.summary] for scaffold in SCAFFOLDS.values()
    ]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-s", "x", "site1"], "There is no scaffold"),
        (["-s", "aio_starter", "a/site1"], "There is no folder"),
        (["-s", "aio_starter", "a" * 300], "'aaaaaaaaaaaaaaaaaaaa...' cannot be used as a name"),
        (["-s", "aio_starter", "/proc/site1"], "[Errno "),
    ],
    ids=["scaffold", "folder", "long name", "folder of the system"],
)
def test_what_is_refused_ends_it_with_a_message(
    arguments: list[str], says: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith(f"pcreate: {says}")
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("arguments", [[], ["site1"], ["-s", "aio_starter"]])
def test_it_says_how_it_is_used(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert "pcreate -s aio_starter hello" in capsys.readouterr().err
