"""The modules without an event loop or a socket: their own tests reach every line and branch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GUNICORN, TRAVERSAL, WEBSOCKET = (
    ROOT / "packages" / f"aiopyramid-{name}" for name in ("gunicorn", "traversal", "websocket")
)

PURE = {
    "http1": (["aiopyramid_gunicorn/_http1/*"], [GUNICORN / "tests/http1"]),
    "traversal": (
        ["aiopyramid_traversal/_path.py", "aiopyramid_traversal/_walk.py"],
        [TRAVERSAL / "tests/test_path.py", TRAVERSAL / "tests/test_walk.py"],
    ),
    "websocket": (
        [
            f"aiopyramid_websocket/_{name}.py"
            for name in ("inbox", "messages", "plain_frames", "handshake")
        ],
        [
            WEBSOCKET / f"tests/test_{name}.py"
            for name in ("inbox", "messages", "plain_frames", "handshake", "reader")
        ],
    ),
}
"""Of each package: the modules, and the tests that must be enough for them."""


@pytest.mark.parametrize(("modules", "tests"), PURE.values(), ids=PURE)
def test_tests_reach_every_line_and_branch_of_the_pure_modules(tmp_path, modules, tests):
    configuration = tmp_path / "coveragerc"
    included = "".join(f"\n    */{module}" for module in modules)
    package = modules[0].partition("/")[0]
    configuration.write_text(
        f"[run]\nbranch = true\nsource_pkgs = {package}\nconcurrency = greenlet, thread\n"
        f"[report]\nfail_under = 100\nshow_missing = true\ninclude ={included}\n"
        "exclude_also =\n    if TYPE_CHECKING:\n    @overload\n"
    )
    # This test may be measured itself, and the servers of the workspace's settings are not needed.
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("COV")
    } | {"COVERAGE_FILE": str(tmp_path / "data"), "COVERAGE_RCFILE": str(configuration)}

    def coverage(*arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "coverage", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)

    # Without the tests that take long because they measure memory, or compare two ways of reading
    # for many requests and frames: the others must be enough.
    left_out = "fill_the_memory or whichever_way_they_take or without_the_quick_way"
    options = ("-q", "-p", "no:cacheprovider", "-k", f"not ({left_out})")
    run = coverage("run", "-m", "pytest", *options, *map(str, tests))
    assert run.returncode == 0, run.stdout + run.stderr
    report = coverage("report")
    assert report.returncode == 0, report.stdout + report.stderr
