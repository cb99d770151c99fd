"""``tests/support/forked_python.py``: programs that are forked are as those that are started."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from forked_python import ForkedPython, can_be_forked
from server_process import Process

PROGRAM = """
import json, os, random, signal, sys, threading

print(json.dumps({
    "argv": sys.argv,
    "descriptors": sorted(os.listdir("/proc/self/fd"))[:3],
    "environment": dict(os.environ),
    "folder": os.getcwd(),
    "is_leader": os.getpid() == os.getsid(0) == os.getpgid(0),
    "main": [__name__, __file__, __spec__.name],
    "orig_argv": sys.orig_argv,
    "ours": [name for name in sys.modules if name.startswith("aiopyramid")],
    # pkg_resources adds a folder as soon as it is imported.
    "path": [folder for folder in sys.path if not folder.endswith("_vendor")],
    "signals": [str(signal.getsignal(number)) for number in sorted(signal.valid_signals())],
    "threads": threading.active_count(),
}), flush=True)
print("to standard error", file=sys.stderr)
"""


def run(tmp_path: Path, code: str, *arguments: str, forked: bool = True) -> Process:
    """Run code as a module until it ends, in this process's environment."""
    (tmp_path / "its_program.py").write_text(code)
    command = [sys.executable, "-m", "its_program", *arguments]
    process = Process(command, {"PYTHONPATH": str(tmp_path), "OWN": "x"}, tmp_path, forked=forked)
    assert isinstance(process.popen, ForkedPython) is forked
    process.ended()
    process.close()
    return process


def test_it_begins_as_python_lets_a_program_begin(tmp_path: Path) -> None:
    lines = [run(tmp_path, PROGRAM, "one", "two", forked=forked).lines for forked in (True, False)]
    forked, started = (json.loads(line) for line, _ in lines)
    assert forked == started
    assert forked["environment"]["OWN"] == "x"
    assert lines[0][1] == "to standard error"


@pytest.mark.parametrize(
    ("end", "status"),
    [
        ("", 0),
        ("raise SystemExit(7)", 7),
        ("raise LookupError('a bug')", 1),
        ("import os; os.kill(os.getpid(), 15)", -15),
    ],
)
def test_its_exit_status_is_that_of_the_program(tmp_path: Path, end: str, status: int) -> None:
    process = run(tmp_path, end)
    assert process.popen.returncode == status
    assert ("LookupError: a bug" in process.output) is (status == 1)


def test_it_runs_exit_handlers_and_waits_for_threads(tmp_path: Path) -> None:
    code = (
        "import atexit, threading\n"
        "atexit.register(print, 'second')\n"
        "threading.Timer(0.1, print, ['first']).start()\n"
    )
    assert run(tmp_path, code).lines == ["first", "second"]


def test_a_signal_ends_it(tmp_path: Path) -> None:
    (tmp_path / "its_program.py").write_text("print('begun')\nimport time; time.sleep(60)\n")
    process = Process([sys.executable, "-m", "its_program"], {"PYTHONPATH": str(tmp_path)})
    try:
        process.said("begun")
        assert process.popen.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            process.popen.wait(0.01)
        process.end(signal.SIGINT)
        assert process.popen.returncode == -signal.SIGINT
        assert "KeyboardInterrupt" in process.output
    finally:
        process.close()


@pytest.mark.parametrize(
    ("command", "environment"),
    [
        ([sys.executable, "-c", "pass"], {}),
        (["/usr/bin/python3", "-m", "gunicorn"], {}),
        ([sys.executable, "-m", "gunicorn"], {"PYTHONWARNINGS": "error"}),
        ([sys.executable, "-m", "gunicorn"], {"COVERAGE_PROCESS_START": "coveragerc"}),
    ],
)
def test_a_program_that_needs_another_start_is_not_forked(
    command: list[str], environment: dict[str, str]
) -> None:
    assert not can_be_forked(command, environment)
