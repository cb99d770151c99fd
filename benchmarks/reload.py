"""Reload gunicorn again and again under load, and count the requests that got no answer.

Two workers are reloaded by SIGHUP while clients keep sending: over connections that are always busy
(half of the requests are POSTs), over some with slow requests, over some that are idle most of the
time, and over a new connection for each request. A request counts as failed if its connection was
refused, if it got no complete answer, or not the right one. Nothing is sent twice.

gunicorn's own threaded worker is measured in the same way, one after the other with ours.
"""

import argparse
import asyncio
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from _common.report import Presentation, Table, make_parser, positive, progress, report
from _common.results import Results, Sample

SUPPORT: Final = Path(__file__).parent.parent / "tests/support"
# The client and the application are those of the tests, which do the same for a few seconds.
sys.path.insert(0, str(SUPPORT))
from counting_load import Account, CountingLoad  # noqa: E402
from server_process import ServerProcess  # noqa: E402

WORKERS: Final = {
    "AsyncGunicornWorker": ("aiopyramid_gunicorn.AsyncGunicornWorker", ()),
    "gthread, 40 threads": ("gthread", ("--threads", "40")),
}
PACKAGES: Final = ("aiopyramid-core", "aiopyramid-gunicorn", "gunicorn", "pyramid", "uvloop")
KINDS: Final = ("busy", "slow", "idle", "new")


@dataclass(frozen=True)
class Result:
    """The result of one server."""

    account: Account
    reloads: int
    seconds: float


def measure(worker: str, options: tuple[str, ...], arguments: argparse.Namespace) -> Result:
    """Reload a server under load, until it was reloaded and asked often enough."""
    command = ["gunicorn", "--worker-class", worker, *options, "--workers", "2"]
    command += ["--bind", "127.0.0.1:0", "--no-control-socket", "--keep-alive", "30"]
    command += ["--graceful-timeout", "30", "loaded_app:main()"]
    server = ServerProcess("gunicorn", command, {"PYTHONPATH": str(SUPPORT)})
    started = time.monotonic()
    try:
        server.said("Booting worker", times=2)
        load = CountingLoad(
            int(server.site.rpartition(":")[2]),
            busy=arguments.busy,
            slow=arguments.slow,
            idle=arguments.idle,
            new=arguments.new,
        )

        def reload() -> None:
            share = arguments.requests // (arguments.reloads + 1)
            for count in range(1, arguments.reloads + 1):
                answered(load, share * count)
                server.signal(signal.SIGHUP)
                server.said("Worker exiting", times=2 * count)
                progress(f"{load.account.answered.total()} answered, {count} reloads  {worker}")
            answered(load, arguments.requests)

        account = asyncio.run(load.run(reload))
        if "Traceback" in server.output:
            sys.exit(f"The server has logged an error:\n{server.output}")
    finally:
        server.close()
    return Result(account, arguments.reloads, time.monotonic() - started)


def answered(load: CountingLoad, requests: int) -> None:
    """Wait until so many requests were answered.

    Raises:
        TimeoutError: None was answered for a while.
    """
    before, since = -1, time.monotonic()
    while (now := load.account.answered.total()) < requests:
        if now > before:
            before, since = now, time.monotonic()
        elif time.monotonic() - since > 30:
            raise TimeoutError("the server answers no more")
        time.sleep(0.05)


def sample(name: str, result: Result) -> Sample:
    """Return what came of one server as it is kept."""
    account = result.account
    return {
        "server": name,
        "answered": account.answered.total(),
        **{f"answered_{kind}": account.answered[kind] for kind in KINDS},
        "posts": account.posts,
        "reloads": result.reloads,
        "workers": len(account.workers),
        "longest_seconds": account.longest_seconds,
        "seconds": result.seconds,
        "failures": dict(Counter(failure.what for failure in account.failures)),
    }


def tables(results: Results) -> list[Table]:
    """Return the table to print."""
    rows = []
    for each in results.samples:
        failures = each["failures"]
        told = ", ".join(f"{count} {what}" for what, count in failures.items())
        rows.append(
            [
                each["server"],
                f"{each['answered']:,}",
                *(f"{each[f'answered_{kind}']:,}" for kind in KINDS),
                f"{each['posts']:,}",
                str(each["reloads"]),
                str(each["workers"]),
                f"{each['longest_seconds']:.2f} s",
                f"{each['seconds']:.0f} s",
                f"{sum(failures.values())}" + (f" ({told})" if told else ""),
            ]
        )
    columns = ["Server", "answered", *KINDS, "of all: POST", "reloads", "workers seen"]
    columns += ["longest quick one", "took", "failed"]
    return [Table("Requests under load while two workers are reloaded", columns, rows)]


def notes(results: Results) -> list[str]:
    """Return how it was measured."""
    return [
        "{busy} busy, {slow} slow, {idle} idle connections, {new} clients with new ones;"
        " nothing pinned".format(**results.parameters)
    ]


SHOW: Final = Presentation(PACKAGES, tables, notes)


def main() -> None:
    """Measure and print; fail if one of our requests has."""
    parser = make_parser(__doc__, rounds=None)
    counts = {
        "requests": (20_000, "how many requests to have answered by each server, at least"),
        "reloads": (10, "how often to reload it under load"),
        "busy": (8, "connections with one request after the other"),
        "slow": (8, "connections with slow requests, of 0.05 to 0.3 seconds"),
        "idle": (50, "connections with a request a second or so"),
        "new": (2, "clients that make a connection for each request"),
    }
    for name, (default, text) in counts.items():
        parser.add_argument(
            f"--{name}", type=positive, default=default, help=f"{text} (default: %(default)s)"
        )
    arguments = parser.parse_args()
    results = {}
    for name, (worker, options) in WORKERS.items():
        results[name] = measure(worker, options, arguments)
    for name, each in results.items():
        for failure in each.account.failures:
            progress(f"{name}: {failure}")
    report(SHOW, arguments, [sample(name, each) for name, each in results.items()])
    sys.exit(1 if results["AsyncGunicornWorker"].account.failures else 0)


if __name__ == "__main__":
    main()
