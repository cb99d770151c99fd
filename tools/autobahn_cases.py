"""Run the Autobahn test suite against WebSocket views on the gunicorn worker.

It is the reference for protocol tests, and needs Python 2.7: the one named by ``PYTHON2``, one of
pyenv's or the one on PATH. The first run installs the suite into ``build/autobahn``, where its
report is also written. A run takes some minutes without the 216 cases about compression, which take
a quarter of an hour and are omitted unless requested::

    python tools/autobahn_cases.py
    python tools/autobahn_cases.py --cases "12.*" "13.*" --asyncio

The exit status is 0 if no case fails.
"""

import argparse
import collections
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
HOME: Final = ROOT / "build/autobahn"
APPLICATION: Final = ROOT / "packages/aiopyramid-websocket/tests/conformance"
PACKAGE: Final = "autobahntestsuite<1"  # later ones do not work on any Python
COMPRESSION: Final = ["12.*", "13.*"]
RUN: Final = "from gunicorn.app.wsgiapp import run; run()"
WITHOUT_UVLOOP: Final = "import sys; sys.modules['uvloop'] = None; "


def main() -> None:
    """Run the suite, print its results, and exit with status 1 if a case has failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", nargs="+", metavar="CASE", help="run only these: 6.4.*")
    parser.add_argument("--asyncio", action="store_true", help="without uvloop")
    options = parser.parse_args()
    suite = install()
    server = start(uvloop=not options.asyncio)
    try:
        port = listening(server)
        behaviours = run(suite, port, options.cases)
    finally:
        server.terminate()
        server.wait()
    sys.exit(1 if report(behaviours) else 0)


def install() -> Path:
    """Return the suite's program; install it if necessary."""
    program = HOME / "environment/bin/wstest"
    if program.exists():
        return program
    python = os.environ.get("PYTHON2") or _python_of_pyenv() or shutil.which("python2.7")
    if python is None:
        sys.exit("Autobahn needs Python 2.7: install it, and set PYTHON2 to its path")
    HOME.mkdir(parents=True, exist_ok=True)
    tool = HOME / "virtualenv"
    pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, "--target", str(tool), "virtualenv"], check=True)
    subprocess.run(
        [python, "-m", "virtualenv", "--quiet", str(HOME / "environment")],
        check=True,
        env=os.environ | {"PYTHONPATH": str(tool)},
    )
    subprocess.run([str(program.with_name("pip")), "install", "--quiet", PACKAGE], check=True)
    return program


def _python_of_pyenv() -> str | None:
    found = sorted((Path.home() / ".pyenv/versions").glob("2.7.*/bin/python2.7"))
    return str(found[-1]) if found else None


def start(*, uvloop: bool) -> "subprocess.Popen[str]":
    """Start gunicorn on a free port."""
    command = [sys.executable, "-c", RUN if uvloop else WITHOUT_UVLOOP + RUN, "echo_app:main()"]
    command += ["--bind", "127.0.0.1:0", "--no-control-socket", "--graceful-timeout", "3"]
    command += ["--worker-class", "aiopyramid_gunicorn.worker.AsyncGunicornWorker"]
    environment = os.environ | {"PYTHONPATH": str(APPLICATION), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)


def listening(server: "subprocess.Popen[str]") -> int:
    """Wait until the server listens, and return its port."""
    assert server.stderr is not None
    for line in server.stderr:
        if found := re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", line):
            return int(found[1])
    sys.exit("gunicorn did not start")


Behaviours = dict[str, dict[str, str]]


def run(suite: Path, port: int, cases: list[str] | None) -> Behaviours:
    """Run cases, or all except those about compression; return the suite's result for each."""
    specification = HOME / "specification.json"
    specification.write_text(
        json.dumps(
            {
                "outdir": str(HOME / "report"),
                "servers": [{"agent": "aiopyramid", "url": f"ws://127.0.0.1:{port}/echo"}],
                "cases": cases or ["*"],
                "exclude-cases": [] if cases else COMPRESSION,
                "exclude-agent-cases": {},
            }
        ),
        encoding="utf-8",
    )
    command = [str(suite), "--mode", "fuzzingclient", "--spec", str(specification)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    told: dict[str, Behaviours] = json.loads((HOME / "report/index.json").read_text("utf-8"))
    return told["aiopyramid"]


def report(behaviours: Behaviours) -> list[str]:
    """Print the cases that did not pass strictly; return those that failed."""
    counts = collections.Counter(each["behavior"] for each in behaviours.values())
    failed = []
    for case, each in sorted(behaviours.items(), key=lambda item: _key(item[0])):
        found = {each["behavior"], each["behaviorClose"]}
        if not found <= {"OK", "INFORMATIONAL", "NON-STRICT"}:
            failed.append(case)
        if not found <= {"OK", "INFORMATIONAL"}:
            print(f"{case}: {each['behavior']}, closed: {each['behaviorClose']}")
    print(", ".join(f"{count} {name}" for name, count in counts.most_common()))
    print(f"{len(failed)} failed; see {HOME / 'report/index.html'}")
    return failed


def _key(case: str) -> list[int]:
    return [int(part) for part in case.split(".")]


if __name__ == "__main__":
    main()
