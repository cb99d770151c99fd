"""The own tests of Pyramid's extensions, as published or with the include and in the bridge."""

import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from server_process import Process

from .figures import Figure
from .scratch import SITES, Scratch, python_path
from .ways import Way

__all__ = ("REQUIREMENTS", "SuiteRun", "run_suite", "suite_of")

REQUIREMENTS: Final = {
    "pyramid-tm": ("pyramid-tm~=2.6", "webtest", "pytest"),
    # Its tests use a decorator that newer versions of pytest lack.
    "pyramid-retry": ("pyramid-retry~=2.1", "webtest", "pytest<8"),
    # They expect HTML as Pygments wrote it until 2.18.
    "pyramid-debugtoolbar": (
        *("pyramid-debugtoolbar~=4.12", "webtest", "sqlalchemy", "pygments<2.19", "pytest"),
    ),
    "pyramid-services": ("pyramid-services~=2.2", "webtest", "pytest"),
}

_LIMIT_SECONDS: Final = 240.0
"""How long a suite may take; tests of this kind can hang."""

_RESULT: Final = re.compile(r"^(\S+::.+?) (PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)\b")
_GOOD: Final = {"PASSED", "SKIPPED", "XFAIL"}
_REMARKS: Final = 5


@dataclass(frozen=True)
class SuiteRun:
    """The result of tests.

    Attributes:
        collected: How many there are.
        results: Each test's name and pytest's word for what came of it.
        seconds: How long all took.
        hangs: Whether they had to be ended.
        output: The output of pytest.
    """

    collected: int
    results: dict[str, str]
    seconds: float
    hangs: bool
    output: str

    @property
    def right(self) -> set[str]:
        """The tests that went well."""
        return {test for test, result in self.results.items() if result in _GOOD}

    @property
    def figure(self) -> Figure:
        """The same in short."""
        wrong = [f"{self.results[test]}: {test}" for test in self.results.keys() - self.right]
        remarks = sorted(wrong)[:_REMARKS]
        if len(wrong) > _REMARKS:
            remarks.append(f"and {len(wrong) - _REMARKS} more")
        if self.hangs:
            remarks.append(f"not done after {_LIMIT_SECONDS:.0f} s")
        return Figure(len(self.right), self.collected, self.seconds, tuple(remarks))


def suite_of(name: str) -> Callable[[Scratch, Way], Figure]:
    """Return what drives the tests of a package: in the bridge if the way includes us."""

    def tests(scratch: Scratch, way: Way) -> Figure:
        source = scratch.source(name)
        return run_suite(scratch.python, source, in_the_bridge=bool(way.includes)).figure

    return tests


def run_suite(python: Path, folder: Path, tests: str = "tests", *, in_the_bridge: bool) -> SuiteRun:
    """Run tests with pytest.

    Args:
        python: The interpreter.
        folder: The folder to run them in.
        tests: The tests to run there.
        in_the_bridge: Whether to run them with the plugin of that name.
    """
    # A configuration without content, or pytest finds this project's.
    options = ["-c", str(SITES / "pytest.ini"), "--rootdir", str(folder)]
    options += ["-v", "--tb=short", "--color=no", "-p", "no:cacheprovider"]
    if in_the_bridge:
        options += ["-p", "in_the_bridge"]
    started = time.monotonic()
    command = [str(python), "-m", "pytest", *options, tests]
    process = Process(command, python_path(folder), folder)
    hangs = False
    try:
        process.popen.wait(_LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        hangs = True
    finally:
        seconds = time.monotonic() - started
        process.close()
    if in_the_bridge and not hangs:
        used = re.search(r"^in the bridge: [1-9]\d* applications", process.output, re.M)
        assert used, f"no application was included into:\n{process.output}"
    found = re.search(r"^collect(?:ed|ing) .*?(\d+) items?", process.output, re.M)
    assert found, f"pytest has found no tests:\n{process.output}"
    matches = (match for line in process.lines if (match := _RESULT.match(line)))
    results = {match[1]: match[2] for match in matches}
    return SuiteRun(int(found[1]), results, seconds, hangs, process.output)
