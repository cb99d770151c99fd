"""Measure uWSGI: with its asyncio engine and with threads, beside AsyncGunicornWorker.

Each server has one worker, pinned to one processor core; wrk is pinned to another one. Two tables:
"Hello, world", where the CPU time of a request counts, and many clients whose requests wait, where
it counts how many can wait at a time.

uWSGI's asyncio engine serves one request per connection. So that nothing but the servers differs,
all of them close the connection after each response here, which costs AsyncGunicornWorker more
than half of what it can do (see hello.py).

uWSGI is built when it is first needed: see tools/build_uwsgi.py. (This file must not be called
uwsgi.py: the servers would import it in the place of uWSGI's own module.)
"""

import sys
from typing import Final

from _common import SHORT_WAIT_SECONDS
from _common.commands import CannotBuild, ServerCommand, gunicorn, uwsgi_binary
from _common.http_request import HTTPRequest
from _common.load import Measured, measure
from _common.report import Figure, Presentation, Table, make_parser, placing, positive, report
from _common.results import Results
from _common.servers import CannotMeasureError, placed

THREADS: Final = 40
"""As many as AsyncGunicornWorker has for synchronous views."""

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
    # It closes the connection anyway; wrk needs the header.
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
    all_ = Measured()
    try:
        for path, connections in (("/", 32), ("/short", options.waiting)):
            measured = measure(
                candidates(connections),
                request=HTTPRequest(path),
                rounds=options.rounds,
                seconds=options.seconds,
                connections=connections,
            )
            all_.samples += [{"path": path, **one} for one in measured.samples]
            all_.left_out |= measured.left_out
    except (CannotMeasureError, CannotBuild) as error:
        sys.exit(f"Cannot measure: {error}")
    report(SHOW, options, all_.samples, left_out=all_.left_out, **placed())


def tables(results: Results) -> list[Table]:
    """Return the tables to print."""
    waiting = results.parameters["waiting"]
    titles = {
        "/": "Hello, world",
        "/short": f"{waiting} clients, whose requests wait {SHORT_WAIT_SECONDS:g} s",
    }
    return [
        Table(
            f"{title}: median (smallest-largest) of the rounds",
            ["Server", "requests/s", "CPU us/request", "its CPU x"],
            [row(results, path, name) for name in results.names("server", path=path)],
        )
        for path, title in titles.items()
    ]


def row(results: Results, path: str, name: str) -> list[str]:
    """Return a server's row of a table."""

    def cpu_of(name: str) -> list[float]:
        return results.values("cpu_microseconds", path=path, server=name)

    return [
        name,
        Figure.of(results.values("requests_per_second", path=path, server=name)).text(",.0f"),
        Figure.of(cpu_of(name)).text(".0f"),
        Figure.ratio(cpu_of(name), cpu_of(OURS)).text(),
    ]


def notes(results: Results) -> list[str]:
    """Return how it was measured."""
    return [
        "{rounds} rounds of {seconds} s, a new connection for each request,".format(
            **results.parameters
        )
        + f" {THREADS} threads where there are threads; {placing(results, 'wrk')}"
    ]


SHOW: Final = Presentation(PACKAGES, tables, notes)


if __name__ == "__main__":
    main()
