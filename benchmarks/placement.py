"""Measure what the decision costs where a request runs, beside Pyramid's own matching of its path.

Before a request exists, its path tells whether it runs on the event loop or in a thread. Pyramid
then looks for the route, one pattern after the other. Both look for the same paths here, without a
server, in applications of some routes with a coroutine view each.
"""

import time
from collections.abc import Callable
from typing import Any, Final

from _common.report import (
    ABSENT,
    Figure,
    Presentation,
    Table,
    make_parser,
    positive,
    progress,
    report,
    verdict,
)
from _common.results import Results, Sample
from application import hello_coroutine
from pyramid.config import Configurator
from pyramid.interfaces import IRoutesMapper
from pyramid.request import Request

from aiopyramid_core._requests.placement import placement_of

SIZES: Final = (1, 30, 300)
"""How many routes an application has."""

BAR: Final = 0.1
"""The project's own: the decision takes at most so much of Pyramid's matching, with most routes."""

NOWHERE: Final = "none"
"""A substitute for the position of a route if the path matches no route."""

KINDS: Final = {
    "Paths without placeholders": "/section{n}/list",
    "A placeholder behind a beginning of each route's own": "/section{n}/{{id}}",
    "A placeholder in a beginning that all routes share": "/api/v1/{{tenant}}/section{n}/{{id}}",
    "A placeholder with an expression of its own": r"/api/v1/{{tenant:\d+}}/section{n}/{{id:\w+}}",
}
"""Kinds of routes, and the pattern of the nth one."""

PACKAGES: Final = ("aiopyramid-core", "pyramid")


class Application:
    """An application with routes of one kind.

    Args:
        pattern: The pattern of the nth route.
        size: How many there are.
    """

    def __init__(self, pattern: str, size: int) -> None:
        self._pattern = pattern
        self._size = size
        with Configurator() as config:
            config.include("aiopyramid_core")
            for number in range(size):
                config.add_route(f"route {number}", pattern.format(n=number))
                config.add_view(hello_coroutine, route_name=f"route {number}")
            self._registry = config.make_wsgi_app().registry

    def paths(self) -> dict[str, str]:
        """Return the paths to look for, by the position of the route that each of them matches."""
        positions = {"first": 0, "middle": self._size // 2, "last": self._size - 1}
        if self._size == 1:
            positions = {"first": 0}
        numbers: dict[str, object] = {**positions, NOWHERE: "s of another site"}
        pattern = self._pattern.replace(r":\d+", "").replace(r":\w+", "")
        return {
            position: pattern.format(n=number).format(tenant=12, id="a7")
            for position, number in numbers.items()
        }

    def decision(self, path: str) -> Callable[[], Any]:
        """Return a function that decides for a path."""
        runs_on_loop = placement_of(self._registry).runs_on_loop
        environ = Request.blank(path).environ
        return lambda: runs_on_loop(environ)

    def matching(self, path: str) -> Callable[[], Any]:
        """Return a function in which Pyramid looks for the route of a path."""
        mapper = self._registry.getUtility(IRoutesMapper)
        request = Request.blank(path)
        return lambda: mapper(request)


def measure(rounds: int, number: int) -> list[Sample]:
    """Return microseconds for a call of both, one sample a round and path."""
    candidates = [
        ({"kind": kind, "routes": size, "position": position}, application, path)
        for kind, pattern in KINDS.items()
        for size in SIZES
        for application in [Application(pattern, size)]
        for position, path in application.paths().items()
    ]
    samples: list[Sample] = []
    for turn in range(rounds + 1):
        progress(f"round {turn} of {rounds}" if turn else "warming up")
        for what, application, path in candidates:
            sample = {
                "decision_microseconds": microseconds(application.decision(path), number),
                "pyramid_microseconds": microseconds(application.matching(path), number // 10),
            }
            if turn:
                samples.append({"round": turn, **what, **sample})
    return samples


def microseconds(function: Callable[[], Any], number: int) -> float:
    """Return the CPU time of a call, which others on the machine do not lengthen by theirs."""
    start = time.process_time()
    for _ in range(number):
        function()
    return (time.process_time() - start) / number * 1e6


def tables(results: Results) -> list[Table]:
    """Return a table for each kind of routes."""
    columns = ["Routes", "path matches", "decision us", "Pyramid us", "ratio", "bar"]
    return [
        Table(
            f"{kind}: {KINDS[kind].format(n='N')}",
            columns,
            [
                row(results, kind, size, position)
                for size in SIZES
                for position in results.names("position", kind=kind, routes=size)
            ],
        )
        for kind in results.names("kind")
    ]


def row(results: Results, kind: str, size: int, position: str) -> list[str]:
    """Return a row of a table."""
    decision, pyramid = (
        results.values(field, kind=kind, routes=size, position=position)
        for field in ("decision_microseconds", "pyramid_microseconds")
    )
    ratio = Figure.ratio(decision, pyramid)
    return [
        str(size),
        position,
        Figure.of(decision).text(),
        Figure.of(pyramid).text(),
        ratio.text(".3f"),
        verdict(ratio, at_most=BAR) if size == max(SIZES) else ABSENT,
    ]


def notes(results: Results) -> list[str]:
    """Return how it was measured."""
    return [
        "{rounds} rounds of {number} decisions, and a tenth as many of Pyramid's matchings;"
        " median (smallest-largest) of the rounds".format(**results.parameters)
    ]


SHOW: Final = Presentation(PACKAGES, tables, notes)


def main() -> None:
    """Measure and print."""
    parser = make_parser(__doc__, rounds=15)
    parser.add_argument(
        "--number",
        type=positive,
        default=2_000,
        help="decisions a round, for each path (default: %(default)s)",
    )
    options = parser.parse_args()
    report(SHOW, options, measure(options.rounds, options.number))


if __name__ == "__main__":
    main()
