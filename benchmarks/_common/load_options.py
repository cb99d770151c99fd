"""The command line of the benchmarks that put servers under load."""

import argparse
from collections.abc import Mapping
from typing import Final

from .commands import ServerCommand
from .http_request import PLAIN, HTTPRequest
from .load import Measured, measure
from .report import make_parser, placing, positive
from .results import Results

__all__ = ("THREADS", "load_notes", "make_load_parser", "measure_chosen")

THREADS: Final = 40
"""The servers' with threads: as many as AsyncGunicornWorker has, more than wrk's connections."""


def make_load_parser(description: str | None, *, connections: int) -> argparse.ArgumentParser:
    """Return a command line with the options that these benchmarks share."""
    parser = make_parser(description, rounds=5)
    for name, default, text in (
        ("seconds", 5, "how long to measure a server in a round"),
        ("connections", connections, "how many connections wrk keeps busy"),
        ("threads", THREADS, "how many threads servers with threads have"),
    ):
        parser.add_argument(
            f"--{name}", type=positive, default=default, help=f"{text} (default: %(default)s)"
        )
    parser.add_argument(
        "--only",
        metavar="TEXT",
        action="append",
        help="measure only servers with this in their name, beside the judged one; may be repeated",
    )
    return parser


def measure_chosen(
    commands: Mapping[str, ServerCommand],
    options: argparse.Namespace,
    request: HTTPRequest = PLAIN,
) -> Measured:
    """Measure the servers that the command line asks for; the first one, the judged one, always.

    Args:
        commands: The servers by name.
        options: The command line.
        request: The request to repeat.

    Raises:
        CannotMeasureError: As in :func:`load.measure`.
    """
    judged = next(iter(commands))
    chosen = {
        name: command
        for name, command in commands.items()
        if options.only is None or name == judged or any(text in name for text in options.only)
    }
    return measure(
        chosen,
        request=request,
        rounds=options.rounds,
        seconds=options.seconds,
        connections=options.connections,
    )


def load_notes(results: Results) -> list[str]:
    """Return how it was measured."""
    return [
        "{rounds} rounds of {seconds} s, {connections:,} connections, {threads} threads where there"
        " are threads; ".format(**results.parameters)
        + placing(results, "wrk")
    ]
