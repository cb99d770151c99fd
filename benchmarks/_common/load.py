"""Several servers under wrk's load, measured in turn.

All servers run all the time and are measured round by round: what disturbs the machine then
disturbs them all. Each server is pinned to one processor core and wrk to another one.
"""

import contextlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from . import HELLO
from .commands import ServerCommand
from .report import progress
from .servers import CannotMeasureError, Server, running, two_cores
from .wrk import Load, find_wrk, run_wrk

__all__ = ("Sample", "measure", "pinning")

_WARM_UP_SECONDS: Final = 1


@dataclass(frozen=True)
class Sample:
    """One server in one round.

    Attributes:
        load: What wrk counted.
        cpu_microseconds: CPU time of the server for a request, in all its processes.
    """

    load: Load
    cpu_microseconds: float

    @property
    def per_second(self) -> float:
        """Requests a second."""
        return self.load.per_second

    @property
    def core_used(self) -> float:
        """The server's share of its processor core, where 1 is all of it."""
        return self.per_second * self.cpu_microseconds / 1e6


def measure(
    commands: Mapping[str, ServerCommand],
    *,
    path: str = "/",
    rounds: int,
    seconds: int,
    connections: int,
) -> dict[str, list[Sample]]:
    """Return the samples of each server, one a round.

    Args:
        commands: The servers by name.
        path: What to ask them for; all answer ``HELLO``.
        rounds: How often to measure each.
        seconds: How long.
        connections: How many connections always have a request under way.

    Raises:
        CannotMeasureError: A server or wrk did not work, or some requests failed.
    """
    wrk = find_wrk()
    server_core, client_core = two_cores()

    def sample(name: str, server: Server, seconds: int) -> Sample:
        before = server.cpu_seconds()
        load = run_wrk(
            wrk, server.url(path), seconds=seconds, connections=connections, core=client_core
        )
        cpu_seconds = server.cpu_seconds() - before
        if load.failures:
            # Errors are often quicker to make than answers: such figures compare nothing.
            raise CannotMeasureError(
                f"{load.failures} of {load.requests} requests failed on {name}.\n"
                + server.log_lines()[-2000:]
            )
        return Sample(load, cpu_seconds / load.requests * 1e6)

    samples: dict[str, list[Sample]] = defaultdict(list)
    with contextlib.ExitStack() as stack:
        servers = {}
        for name, command in commands.items():
            progress(f"starting {name}")
            started = running(command, core=server_core, path=path, body=HELLO)
            servers[name] = stack.enter_context(started)
        for name, server in servers.items():
            progress(f"warming up {name}")
            sample(name, server, _WARM_UP_SECONDS)
        for number in range(1, rounds + 1):
            for name, server in servers.items():
                one = sample(name, server, seconds)
                samples[name].append(one)
                progress(
                    f"round {number} of {rounds}: {one.per_second:7,.0f} requests/s,"
                    f" {one.cpu_microseconds:4.0f} us CPU  {name}"
                )
    return samples


def pinning() -> str:
    """Return where servers and wrk run, for the notes of a report."""
    server_core, client_core = two_cores()
    if server_core is None:
        return "nothing pinned"
    return f"server on core {server_core}, wrk on core {client_core}"
