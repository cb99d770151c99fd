"""Measure "Hello, world" on several servers: requests a second, and CPU time a request.

Each server has one worker, pinned to one processor core; wrk is pinned to another one and keeps
some connections busy. All servers run all the time and are measured in turn, round by round: what
disturbs the machine then disturbs them all.

"core used" is the worker's share of its core, 100 % in an undisturbed run. Where it is less, other
processes took the core away, or wrk was the bottleneck: then the CPU time a request says more,
though busy neighbours make that longer, too.
"""

import contextlib
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from _common import HELLO
from _common.report import (
    ABSENT,
    Figure,
    Table,
    make_parser,
    positive,
    print_report,
    progress,
    verdict,
)
from _common.servers import (
    CannotMeasureError,
    Server,
    ServerCommand,
    gunicorn,
    running,
    two_cores,
    uvicorn,
    waitress,
)
from _common.wrk import find_wrk, run_wrk

BAR: Final = 2.5
"""The project's own: AsyncGunicornWorker serves at least so many times gthread's requests."""

THREADS: Final = 40
"""gthread's and waitress's: as many as AsyncGunicornWorker has, more than wrk's connections."""

WARM_UP_SECONDS: Final = 1

OURS: Final = "aiopyramid_gunicorn.AsyncGunicornWorker"
PACKAGES: Final = (
    *("aiopyramid-core", "aiopyramid-gunicorn", "greenlet", "pyramid", "gunicorn"),
    *("gunicorn_h1c", "httptools", "uvloop", "waitress", "uvicorn", "starlette"),
)


@dataclass(frozen=True)
class Sample:
    """One server in one round.

    Attributes:
        per_second: Requests a second.
        cpu_microseconds: CPU time of the worker process for a request, in all its threads.
    """

    per_second: float
    cpu_microseconds: float

    @property
    def core_used(self) -> float:
        """The worker's share of its processor core, where 1 is all of it."""
        return self.per_second * self.cpu_microseconds / 1e6


def candidates(threads: int) -> dict[str, ServerCommand]:
    """Return the servers to measure, the two baselines first."""
    gthread = {"threads": threads}
    return {
        "gthread, same application": gunicorn("coroutine", "gthread", gthread),
        "gthread, def view, no aiopyramid": gunicorn("without_aiopyramid", "gthread", gthread),
        "AsyncGunicornWorker": gunicorn("coroutine", OURS),
        "AsyncGunicornWorker, no uvloop": gunicorn("coroutine", OURS, uvloop=False),
        "AsyncGunicornWorker, def view": gunicorn("ordinary", OURS),
        "waitress, same application": waitress("coroutine", threads=threads),
        "Starlette on uvicorn": uvicorn("starlette"),
    }


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
        "--connections",
        type=positive,
        default=32,
        help="how many connections wrk keeps busy (default: %(default)s)",
    )
    parser.add_argument(
        "--threads",
        type=positive,
        default=THREADS,
        help="how many threads gthread and waitress have (default: %(default)s)",
    )
    options = parser.parse_args()
    try:
        samples = measure(
            candidates(options.threads), options.rounds, options.seconds, options.connections
        )
    except CannotMeasureError as error:
        sys.exit(f"Cannot measure: {error}")
    server_core, client_core = two_cores()
    pinning = f"server on core {server_core}, wrk on core {client_core}"
    print_report(
        [result(samples)],
        packages=PACKAGES,
        notes=[
            f"{options.rounds} rounds of {options.seconds} s, {options.connections} connections,"
            f" {options.threads} threads in gthread and waitress;"
            f" {'nothing pinned' if server_core is None else pinning}"
        ],
        markdown=options.markdown,
    )


def measure(
    commands: dict[str, ServerCommand], rounds: int, seconds: int, connections: int
) -> dict[str, list[Sample]]:
    """Return the samples of each server, one a round.

    Raises:
        CannotMeasureError: A server or wrk did not work, or some requests failed.
    """
    wrk = find_wrk()
    server_core, client_core = two_cores()

    def sample(name: str, server: Server, seconds: int) -> Sample:
        before = server.cpu_seconds()
        load = run_wrk(
            wrk, server.url(), seconds=seconds, connections=connections, core=client_core
        )
        cpu_seconds = server.cpu_seconds() - before
        if load.failures:
            # Errors are often quicker to make than answers: such figures compare nothing.
            raise CannotMeasureError(
                f"{load.failures} of {load.requests} requests failed on {name}.\n"
                + server.log_lines()[-2000:]
            )
        return Sample(load.per_second, cpu_seconds / load.requests * 1e6)

    samples: dict[str, list[Sample]] = defaultdict(list)
    with contextlib.ExitStack() as stack:
        servers = {}
        for name, command in commands.items():
            progress(f"starting {name}")
            started = running(command, core=server_core, path="/", body=HELLO)
            servers[name] = stack.enter_context(started)
        for name, server in servers.items():
            progress(f"warming up {name}")
            sample(name, server, WARM_UP_SECONDS)
        for number in range(1, rounds + 1):
            for name, server in servers.items():
                one = sample(name, server, seconds)
                samples[name].append(one)
                progress(
                    f"round {number} of {rounds}: {one.per_second:7,.0f} requests/s,"
                    f" {one.cpu_microseconds:4.0f} us CPU  {name}"
                )
    return samples


def result(samples: dict[str, list[Sample]]) -> Table:
    """Return the table to print."""
    judged = "AsyncGunicornWorker"
    rates = {name: [one.per_second for one in some] for name, some in samples.items()}
    same, best = list(rates)[:2]
    return Table(
        "Hello, world: one worker on one core; median (smallest-largest) of the rounds",
        [
            "Server",
            "requests/s",
            "CPU us/request",
            "core used",
            "x gthread, same",
            "x gthread, def",
            "bar",
        ],
        [
            [
                name,
                Figure.of(rate).text(",.0f"),
                Figure.of(one.cpu_microseconds for one in samples[name]).text(".0f"),
                Figure.of(one.core_used for one in samples[name]).text(".0%"),
                Figure.ratio(rate, rates[same]).text(),
                Figure.ratio(rate, rates[best]).text(),
                verdict(worst(rate, [rates[same], rates[best]]), at_least=BAR)
                if name == judged
                else ABSENT,
            ]
            for name, rate in rates.items()
        ],
    )


def worst(rate: Sequence[float], baselines: Sequence[Sequence[float]]) -> Figure:
    """Return the least ratio: the bar is to be cleared against each of the baselines."""
    figures = [Figure.ratio(rate, baseline) for baseline in baselines]
    return min(figures, key=lambda figure: figure.median)


if __name__ == "__main__":
    main()
