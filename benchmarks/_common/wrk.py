"""wrk, the load generator: finding it, running it, reading what it prints."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from .http_request import HTTPRequest
from .report import progress
from .servers import CannotMeasureError, pinned

_INSTALL_SECONDS: Final = 300.0
_GRACE_SECONDS: Final = 30.0
"""Time for wrk to connect and to finish, on top of the time that it measures."""

_TOTAL: Final = re.compile(r"(\d+) requests in ")
_RATE: Final = re.compile(r"Requests/sec:\s+([\d.]+)")
_WRONG_STATUS: Final = re.compile(r"Non-2xx or 3xx responses: (\d+)")
_LATENCY: Final = re.compile(r"^ +(50|99)% +([\d.]+)(us|ms|s) *$", re.MULTILINE)
_MEAN: Final = re.compile(r"^ +Latency +([\d.]+)(us|ms|s) ", re.MULTILINE)
_SECONDS: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
_SOCKET_ERRORS: Final = re.compile(
    r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)"
)


@dataclass(frozen=True)
class Load:
    """The counts of one run of wrk.

    Attributes:
        requests: Requests that were answered.
        per_second: The same per second.
        failures: Answers with a wrong status, and errors of connections.
        latencies_seconds: By percentile, 50 and 99.
        mean_seconds: The mean latency.
    """

    requests: int
    per_second: float
    failures: int
    latencies_seconds: Mapping[int, float]
    mean_seconds: float


def find_wrk() -> str:
    """Return the path of wrk; root on a system with apt-get gets it installed.

    Raises:
        CannotMeasureError: There is no wrk.
    """
    if (found := shutil.which("wrk")) is not None:
        return found
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        progress("wrk is not installed: installing it with apt-get")
        install = ("install", "--yes", "--no-install-recommends", "wrk")
        # The package lists are fetched only where the package is not known without.
        if _apt(*install) or (_apt("update") and _apt(*install)):
            found = shutil.which("wrk")
    if found is None:
        raise CannotMeasureError(
            "wrk, the load generator, is not installed. Install the package 'wrk' with your"
            " system's package manager (as root: 'apt-get install wrk'; on Fedora: 'dnf install"
            " wrk'; with Homebrew: 'brew install wrk'), or build it from github.com/wg/wrk."
        )
    return found


def _apt(*arguments: str) -> bool:
    """Run apt-get; return whether it succeeded."""
    try:
        done = subprocess.run(
            ["apt-get", "-qq", *arguments],
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_INSTALL_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def run_wrk(
    wrk: str,
    port: int,
    request: HTTPRequest,
    *,
    seconds: int,
    connections: int,
    core: int | None,
) -> Load:
    """Send requests for some time, each connection the next one as soon as it has its answer.

    Args:
        wrk: The path of wrk.
        port: The port of the server on 127.0.0.1.
        request: The request to repeat.
        seconds: How long.
        connections: How many connections.
        core: The processor core to pin wrk to, or None.

    Raises:
        CannotMeasureError: wrk failed, or counted nothing.
    """
    timeout = f"--timeout={_GRACE_SECONDS:.0f}s"
    command = [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", timeout, "--latency"]
    url = f"http://127.0.0.1:{port}{request.path}"
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script, pinned(core):
        script.write(_script(request))
        script.flush()
        command += ["--script", script.name, url]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=seconds + _GRACE_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise CannotMeasureError(f"'{' '.join(command)}' did not end") from error
    if done.returncode:
        raise CannotMeasureError(f"'{' '.join(command)}' failed:\n{done.stdout}{done.stderr}")
    return _read(done.stdout)


def _script(request: HTTPRequest) -> str:
    """Return a program for wrk, which runs it once and then repeats the same bytes."""
    lines = [f"wrk.method = {_lua(request.method.encode())}"]
    lines += [
        f"wrk.headers[{_lua(name.encode())}] = {_lua(value.encode())}"
        for name, value in request.fields.items()
    ]
    if request.body is not None:
        lines.append(f"wrk.body = {_lua(request.body)}")
    return "\n".join(lines)


def _lua(text: bytes) -> str:
    """Return a string literal of Lua."""
    return '"' + "".join(f"\\{byte:03}" for byte in text) + '"'


def _read(output: str) -> Load:
    total, rate, mean = (each.search(output) for each in (_TOTAL, _RATE, _MEAN))
    if total is None or rate is None or mean is None or not int(total[1]):
        raise CannotMeasureError(f"wrk counted no requests:\n{output}")
    failures = sum(
        int(number)
        for pattern in (_WRONG_STATUS, _SOCKET_ERRORS)
        for found in pattern.finditer(output)
        for number in found.groups()
    )
    latencies = {
        int(percentile): float(number) * _SECONDS[unit]
        for percentile, number, unit in _LATENCY.findall(output)
    }
    mean_seconds = float(mean[1]) * _SECONDS[mean[2]]
    return Load(int(total[1]), float(rate[1]), failures, latencies, mean_seconds)
