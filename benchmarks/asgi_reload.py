"""Stop and reload ASGI servers under load, and count the requests that got no answer.

Each server runs the application of ``reload.py`` by aiopyramid-asgi, and a bare ASGI application
that answers the same: requests that the second loses, the server loses. The load is that of
``reload.py``; requests that were refused because the server had stopped do not count.

uvicorn and granian with two workers are reloaded by SIGHUP. hypercorn is not, since its worker
processes have no part in a graceful stop; daphne has no such command. All four are stopped by
SIGTERM.
"""

import argparse
import asyncio
import os
import signal
import socket
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Final

from _common.report import Presentation, Table, make_parser, positive, progress, report
from _common.results import Results, Sample

HOME: Final = Path(__file__).parent
sys.path.insert(0, str(HOME.parent / "tests/support"))
from counting_load import Account, CountingLoad  # noqa: E402
from server_process import Process  # noqa: E402

APPLICATIONS: Final = {"aiopyramid-asgi": "ours", "bare ASGI application": "bare"}
COMMANDS: Final = {
    "uvicorn": "uvicorn --no-access-log --timeout-worker-healthcheck 60 --port {port}"
    " --workers {workers} --factory {app}",
    "hypercorn": "hypercorn --workers 0 --bind 127.0.0.1:{port} {app}()",
    "granian": "granian --interface asgi --port {port} --workers {workers} --factory {app}",
    "daphne": "daphne --access-log /dev/null --bind 127.0.0.1 --port {port} {app}",
}
RELOADS: Final = {"uvicorn": "Started server process", "granian": "Started worker-"}
"""The servers with a command to reload, and what each new worker logs."""
PACKAGES: Final = (
    *("aiopyramid-core", "aiopyramid-asgi", "pyramid", "uvicorn", "hypercorn", "granian"),
    *("daphne", "uvloop"),
)


def measure(server: str, application: str, how: str, options: argparse.Namespace) -> Sample:
    """Stop or reload a server under load; return what came of it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    workers = 2 if how == "reload" else 1
    app = f"asgi_reload_applications:{APPLICATIONS[application]}"
    if server == "daphne":  # it has no factories
        app += "_application"
    command = COMMANDS[server].format(port=port, workers=workers, app=app).split()
    process = Process([sys.executable, "-W", "ignore", "-m", *command], {"PYTHONPATH": str(HOME)})
    try:
        process.until(lambda: _accepts(port, process))
        load = CountingLoad(port, busy=8, slow=8, idle=20, new=2)

        def act() -> None:
            if how == "stop":
                _wait(load, options.requests)
                process.signal(signal.SIGTERM)
                process.popen.wait(60)
                return
            for count in range(1, options.reloads + 1):
                _wait(load, options.requests * count // options.reloads)
                os.kill(process.popen.pid, signal.SIGHUP)
                process.said(RELOADS[server], times=workers * (count + 1))

        account = asyncio.run(load.run(act))
    finally:
        process.close()
    return _sample(server, application, how, account)


def _accepts(port: int, process: Process) -> bool:
    assert process.popen.poll() is None, process.output
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except OSError:
        return False
    return True


def _wait(load: CountingLoad, requests: int) -> None:
    end = time.monotonic() + 120
    while load.account.answered.total() < requests:
        if time.monotonic() > end:
            raise TimeoutError("the server answers no more")
        time.sleep(0.05)


def _sample(server: str, application: str, how: str, account: Account) -> Sample:
    failures = Counter(
        f"{failure.what}, {'first' if failure.number == 0 else 'later'} of its connection"
        for failure in account.failures
        if not (how == "stop" and failure.what == "refused")
    )
    return {
        "server": server,
        "application": application,
        "how": how,
        "answered": account.answered.total(),
        "workers": len(account.workers),
        "failures": dict(failures),
    }


def tables(results: Results) -> list[Table]:
    """Return the table to print."""
    rows = [
        [
            f"{each['server']}, {each['how']}",
            each["application"],
            f"{each['answered']:,}",
            str(each["workers"]),
            str(sum(each["failures"].values())),
            "; ".join(f"{count} {what}" for what, count in each["failures"].items()),
        ]
        for each in results.samples
    ]
    columns = ["Server", "Application", "answered", "workers seen", "lost", "which"]
    return [Table("Requests under load while the server stops or is reloaded", columns, rows)]


def notes(results: Results) -> list[str]:
    """Return how it was measured."""
    return ["{reloads} reloads; nothing pinned".format(**results.parameters)]


SHOW: Final = Presentation(PACKAGES, tables, notes)


def main() -> None:
    """Measure and print."""
    parser = make_parser(__doc__, rounds=None)
    parser.add_argument(
        "--requests",
        type=positive,
        default=4_000,
        help="how many requests each server answers, at least (default: %(default)s)",
    )
    parser.add_argument(
        "--reloads", type=positive, default=5, help="how many (default: %(default)s)"
    )
    parser.add_argument(
        "--server", choices=list(COMMANDS), action="append", help="only this one; may be repeated"
    )
    options = parser.parse_args()
    samples = []
    for server in options.server or COMMANDS:
        for how in ("stop", *(["reload"] if server in RELOADS else [])):
            for application in APPLICATIONS:
                samples.append(measure(server, application, how, options))
                progress(str(samples[-1]))
    report(SHOW, options, samples)


if __name__ == "__main__":
    main()
