import subprocess
import sys
from pathlib import Path

import pytest
from pip._internal.models.index import PyPI

from check_neutral import known_hosts

SCRIPT = Path(__file__).parents[2] / "tools/check_neutral.py"
HOST = "registry.example"


def git(repository: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.com")
    subprocess.run(["git", *identity, *arguments], cwd=repository, check=True, capture_output=True)


def check(repository: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, *options],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init")
    (tmp_path / ".gitignore").write_text("ignored.txt\n")
    (tmp_path / "README.md").write_text("Install it from the package index.\n")
    return tmp_path


def test_a_repository_that_names_no_host_passes_even_before_its_first_commit(
    repository: Path,
) -> None:
    assert check(repository, "--host", HOST).returncode == 0


@pytest.mark.parametrize("added", [True, False], ids=["tracked", "untracked"])
def test_a_host_in_a_file_is_found(repository: Path, added: bool) -> None:
    (repository / "setup.cfg").write_text(f"[x]\nindex = https://{HOST.upper()}/simple\n")
    if added:
        git(repository, "add", "setup.cfg")

    checked = check(repository, "--host", HOST)

    assert checked.returncode == 1
    assert f"setup.cfg:2: {HOST}" in checked.stderr


def test_a_host_in_an_old_commit_message_is_found(repository: Path) -> None:
    git(repository, "add", ".")
    git(repository, "commit", "-m", f"Start\n\nInstalled from {HOST}.")
    git(repository, "commit", "--allow-empty", "-m", "Go on")

    checked = check(repository, "--host", HOST)

    assert checked.returncode == 1
    assert f":3: {HOST}" in checked.stderr


def test_a_message_is_read_until_it_is_merged(repository: Path) -> None:
    git(repository, "checkout", "-b", "main")
    git(repository, "add", ".")
    git(repository, "commit", "-m", f"Install from {HOST}")
    git(repository, "checkout", "-b", "topic")
    merged = check(repository, "--host", HOST)
    git(repository, "commit", "--allow-empty", "-m", f"Go on\n\n{HOST} again")
    new = check(repository, "--host", HOST)

    assert merged.returncode == 0
    assert new.stderr.count(HOST) == 1
    assert f":3: {HOST}" in new.stderr


def test_the_merged_branch_may_be_named(repository: Path) -> None:
    git(repository, "checkout", "-b", "trunk")
    git(repository, "add", ".")
    git(repository, "commit", "-m", f"Install from {HOST}")
    git(repository, "checkout", "-b", "topic")

    assert check(repository, "--host", HOST).returncode == 1
    assert check(repository, "--host", HOST, "--merged", "trunk").returncode == 0


def test_an_ignored_and_a_deleted_file_are_not_read(repository: Path) -> None:
    (repository / "ignored.txt").write_text(HOST)
    (repository / "deleted.txt").write_text(HOST)
    git(repository, "add", "deleted.txt")
    (repository / "deleted.txt").unlink()

    assert check(repository, "--host", HOST).returncode == 0


def test_the_hosts_that_pip_knows_are_found_without_being_told(repository: Path) -> None:
    (repository / "README.md").write_text(PyPI.simple_url)

    checked = check(repository)

    assert checked.returncode == 1
    assert "README.md:1: " in checked.stderr


def test_credentials_ports_and_this_machine_are_not_part_of_the_hosts() -> None:
    answers = [
        "index-url = 'https://me:secret@Mirror.example:8443/simple'",
        "http://localhost:8080 http://127.0.0.1:3141",
    ]

    assert known_hosts(answers) == {"mirror.example"}
