"""Several servers under wrk's load, measured in turn.

All servers run all the time and are measured round by round: what disturbs the machine then
disturbs them all. Each server is pinned to one processor core and wrk to another one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from .commands import ServerCommand
from .http_request import PLAIN, HTTPRequest
from .report import progress
from .servers import CannotMeasureError, Server, allow_connections, starting, two_cores
from .wrk import find_wrk, run_wrk

__all__ = ("Measured", "measure")

_CONNECTIONS_PER_SECOND: Final = 1_000
"""A slow machine accepts so many; until then a server answers nobody."""


@dataclass
class Measured:
    """The results of some servers.

    Attributes:
        samples: For each round and server, its ``requests`` and ``requests_per_second``, the CPU
            time of all its processes for a request (``cpu_microseconds``), and percentiles and the
            mean of the latency (``p50_milliseconds``, ``p99_milliseconds``, ``mean_milliseconds``).
        left_out: Servers that did not start or failed, and why.
    """

    samples: list[dict[str, Any]] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


def measure(
    commands: Mapping[str, ServerCommand],
    *,
    request: HTTPRequest = PLAIN,
    rounds: int,
    seconds: int,
    connections: int,
) -> Measured:
    """Return the samples of each server, one a round.

    A server that does not work is left out, and the others are measured all the same; but not
    without the first one, to which they are compared.

    Args:
        commands: The servers by name.
        request: The request to repeat.
        rounds: How often to measure each.
        seconds: How long.
        connections: How many connections always have a request under way.

    Raises:
        CannotMeasureError: The first server, or wrk, did not work, or some requests failed there.
    """
    wrk = find_wrk()
    allow_connections(connections)
    server_core, client_core = two_cores()

    def sample(name: str, server: Server, seconds: int) -> dict[str, Any]:
        before = server.cpu_seconds()
        load = run_wrk(
            *(wrk, server.port, request),
            seconds=seconds,
            connections=connections,
            core=client_core,
        )
        cpu_seconds = server.cpu_seconds() - before
        if load.failures:
            # Errors are often quicker to make than answers: such figures compare nothing.
            raise CannotMeasureError(
                f"{load.failures} of {load.requests} requests failed on {name}.\n"
                + server.log_lines()[-2000:]
            )
        return {
            "server": name,
            "requests": load.requests,
            "requests_per_second": load.per_second,
            "cpu_microseconds": cpu_seconds / load.requests * 1e6,
            "p50_milliseconds": load.latencies_seconds[50] * 1000,
            "p99_milliseconds": load.latencies_seconds[99] * 1000,
            "mean_milliseconds": load.mean_seconds * 1000,
        }

    measured = Measured()
    judged = next(iter(commands))

    def leave_out(name: str, why: CannotMeasureError) -> None:
        if name == judged:
            raise why
        progress(f"{name} is left out: {why}")
        measured.left_out[name] = str(why)
        measured.samples = [one for one in measured.samples if one["server"] != name]
        del servers[name]

    with starting(commands, measured.left_out, core=server_core, request=request) as servers:
        for name, server in list(servers.items()):
            progress(f"warming up {name}")
            try:
                sample(name, server, 1 + connections // _CONNECTIONS_PER_SECOND)
            except CannotMeasureError as error:
                leave_out(name, error)
        for number in range(1, rounds + 1):
            for name, server in list(servers.items()):
                try:
                    one = {"round": number, **sample(name, server, seconds)}
                except CannotMeasureError as error:
                    leave_out(name, error)
                    continue
                measured.samples.append(one)
                progress(
                    f"round {number} of {rounds}: {one['requests_per_second']:7,.0f} requests/s,"
                    f" {one['cpu_microseconds']:4.0f} us CPU  {name}"
                )
    return measured
