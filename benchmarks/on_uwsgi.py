"""Measure uWSGI: with its asyncio engine and with threads, beside AsyncGunicornWorker.

Each server has one worker, pinned to one processor core; wrk is pinned to another one. Two tables:
"Hello, world", where the CPU time of a request counts, and many clients whose requests wait, where
it counts how many can wait at a time.

uWSGI's asyncio engine serves one request per connection. So that nothing but the servers differs,
all of them close the connection behind each response here, which costs AsyncGunicornWorker more
than half of what it can do (see hello.py).

uWSGI is built when it is first needed: see tools/build_uwsgi.py. (This file must not be called
uwsgi.py: the servers would import it in the place of uWSGI's own module.)
"""

import sys
from pathlib import Path
from typing import Final

from _common import SHORT_WAIT_SECONDS
from _common.commands import ServerCommand, gunicorn
from _common.load import Sample, measure, pinning
from _common.report import Figure, Table, make_parser, positive, print_report
from _common.servers import CannotMeasureError

sys.path.append(str(Path(__file__).parent.parent / "tools"))

from build_uwsgi import CannotBuild, uwsgi_binary

THREADS: Final = 40
"""As many as AsyncGunicornWorker has for ordinary views."""

OURS: Final = "uWSGI asyncio, uvloop"

PACKAGES: Final = (
    *("aiopyramid-core", "aiopyramid-uwsgi", "aiopyramid-gunicorn", "greenlet", "pyramid"),
    *("gunicorn", "httptools", "uvloop"),
)


def candidates(connections: int) -> dict[str, ServerCommand]:
    """Return the servers to measure, the judged one first."""
    engine = (f"--asyncio={connections + 10}", "--greenlet", "--lazy-apps")
    threads = (f"--threads={THREADS}",)
    worker = "aiopyramid_gunicorn.AsyncGunicornWorker"
    return {
        OURS: uwsgi("on_uwsgi_with_uvloop", *engine),
        "uWSGI asyncio": uwsgi("on_uwsgi", *engine),
        "uWSGI threads, same application": uwsgi("both", *threads),
        "uWSGI threads, def view, no aiopyramid": uwsgi("both_without_aiopyramid", *threads),
        "AsyncGunicornWorker": gunicorn("both", worker, {"keep-alive": 0}),
    }


def uwsgi(factory: str, *options: str) -> ServerCommand:
    """Return a command for uWSGI; its master is none of the processes that serve."""
    fixed = ("--http-socket=127.0.0.1:0", "--listen=1024", "--disable-logging", "--need-app")
    # It closes the connection anyway; wrk wants to be told.
    close = ("--add-header=Connection: close", "--die-on-term")
    packages = (f"--virtualenv={sys.prefix}", f"--module=application:{factory}()")
    return ServerCommand([str(uwsgi_binary()), *fixed, *close, *options, *packages])


def main() -> None:
    """Measure and print; leave with a message if that is not possible."""
    parser = make_parser(__doc__, rounds=5)
    parser.add_argument(
        "--seconds",
        type=positive,
        default=5,
        help="how long to measure a server in a round (default: %(default)s)",
    )
    parser.add_argument(
        "--waiting",
        type=positive,
        default=200,
        help="how many clients wait at a time (default: %(default)s)",
    )
    options = parser.parse_args()
    tables = []
    wait = f"{SHORT_WAIT_SECONDS:g} s"
    try:
        for title, path, connections in (
            ("Hello, world", "/", 32),
            (f"{options.waiting} clients, whose requests wait {wait}", "/short", options.waiting),
        ):
            samples = measure(
                candidates(connections),
                path=path,
                rounds=options.rounds,
                seconds=options.seconds,
                connections=connections,
            )
            tables.append(result(f"{title}: median (smallest-largest) of the rounds", samples))
    except (CannotMeasureError, CannotBuild) as error:
        sys.exit(f"Cannot measure: {error}")
    print_report(
        tables,
        packages=PACKAGES,
        notes=[
            f"{options.rounds} rounds of {options.seconds} s, a new connection for each request,"
            f" {THREADS} threads where there are threads; {pinning()}"
        ],
        markdown=options.markdown,
    )


def result(title: str, samples: dict[str, list[Sample]]) -> Table:
    """Return a table to print."""
    rows = []
    for name, some in samples.items():
        cpu = [one.cpu_microseconds for one in some]
        ratio = Figure.ratio(cpu, (one.cpu_microseconds for one in samples[OURS]))
        rows.append(
            [
                name,
                Figure.of(one.per_second for one in some).text(",.0f"),
                Figure.of(cpu).text(".0f"),
                ratio.text(),
            ]
        )
    return Table(title, ["Server", "requests/s", "CPU us/request", "its CPU x"], rows)


if __name__ == "__main__":
    main()
