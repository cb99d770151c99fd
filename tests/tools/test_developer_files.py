"""The files that a developer meets first say what is so."""

import re
import subprocess
from pathlib import Path

from distributions import read_distributions

ROOT = Path(__file__).parents[2]


def output(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout


def listed_by_help() -> set[str]:
    return set(re.findall(r"^make ([\w-]+) +\S", output("make", "--silent", "help"), re.MULTILINE))


def test_make_help_lists_every_target() -> None:
    (targets,) = re.findall(r"^\.PHONY: (help .*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert listed_by_help() == set(targets.split())


def test_the_guide_names_only_targets_that_there_are() -> None:
    named = re.findall(
        r"(?:`|^    )make ([\w-]+)", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE
    )

    assert set(named) <= listed_by_help()


def test_the_guide_names_the_variables_that_have_tests_do_more() -> None:
    named = re.findall(r"\b(AIOPYRAMID_\w+)=", (ROOT / "CONTRIBUTING.md").read_text())

    files = [*ROOT.glob("tests/**/*.py"), *ROOT.glob("packages/*/tests/**/*.py")]
    read = re.findall(
        r'environ\.get\("(AIOPYRAMID_\w+)"', "\n".join(file.read_text() for file in files)
    )
    assert set(named) == set(read)


def test_the_hooks_for_git_are_what_pre_commit_understands() -> None:
    output("pre-commit", "validate-config", ".pre-commit-config.yaml")


def test_tox_knows_every_package_of_the_workspace() -> None:
    environments = {
        name.partition("-")[0] for name in output("tox", "list", "-q", "--no-desc").split()
    }

    folders = {
        each.path.rpartition("/")[2].removeprefix("aiopyramid-")
        for each in read_distributions(ROOT).values()
    }
    assert folders <= environments


def test_the_machine_for_the_matrix_has_every_python_that_tox_asks_for() -> None:
    asked = set(re.findall(r"\b3\.\d+\b", output("tox", "list", "-q", "--no-desc")))
    recipe = (ROOT / "tools/ci_matrix/Dockerfile").read_text()

    (installed,) = re.findall(r"uv python install (.*)$", recipe, re.MULTILINE)
    assert set(installed.split()) == asked


def test_the_matrix_does_not_pass_over_a_python_that_is_missing() -> None:
    assert "tox run --skip-missing-interpreters false" in output("make", "-n", "ci-matrix")
