"""Starting, pinning and stopping servers; their CPU time."""

import contextlib
import http.client
import os
import queue
import re
import resource
import subprocess
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import IO, Final

from .commands import ServerCommand
from .http_request import PLAIN, HTTPRequest
from .report import progress

HOME: Final = Path(__file__).parent.parent
START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 10.0
SPARE_DESCRIPTORS: Final = 200

_ADDRESS: Final = re.compile(
    r"(?:(?:Listening at:|Serving on|running on) http://|(?:bound to|Listening on) TCP address )"
    r"[\d.]+:(\d+)"
)
_WORKER: Final = re.compile(r"Booting worker with pid: (\d+)")


class CannotMeasureError(Exception):
    """Something that a benchmark needs is missing or does not work; the text says what to do."""


@dataclass
class Server:
    """A server that answers.

    Attributes:
        pid: The process that serves the requests.
        port: Its port on 127.0.0.1.
    """

    pid: int
    port: int
    _root: int
    _log: "_Log" = field(repr=False)

    def url(self, path: str = "/") -> str:
        """Return an address on this server."""
        return f"http://127.0.0.1:{self.port}{path}"

    def resident_bytes(self) -> int:
        """Return the resident memory of the process that serves the requests.

        Raises:
            CannotMeasureError: The process is gone, or the system is not Linux.
        """
        try:
            fields = Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()
        except OSError as error:
            raise CannotMeasureError(
                f"The memory of process {self.pid} is unknown: {error}\n{self.log_lines()}"
            ) from error
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")

    def cpu_seconds(self) -> float:
        """Return the CPU time that the server has used so far, in all its processes and threads.

        The kernel counts it in ticks of 10 ms: measure over seconds.

        Raises:
            CannotMeasureError: The server is gone, or the system is not Linux.
        """
        try:
            ticks = sum(_cpu_ticks(pid) for pid in _family(self._root))
        except OSError as error:
            raise CannotMeasureError(
                f"The CPU time of process {self._root} is unknown: {error}\n{self.log_lines()}"
            ) from error
        return ticks / os.sysconf("SC_CLK_TCK")

    def worker_cpu_seconds(self) -> float:
        """Return the CPU time of the process that serves the requests.

        Unlike that of :meth:`cpu_seconds` it is exact, but threads that have ended do not count.

        Raises:
            CannotMeasureError: The server is gone, or the system is not Linux.
        """
        try:
            nanoseconds = sum(
                int(path.read_text(encoding="ascii").split()[0])
                for path in Path(f"/proc/{self.pid}/task").glob("*/schedstat")
            )
        except OSError as error:
            raise CannotMeasureError(
                f"The CPU time of process {self.pid} is unknown: {error}\n{self.log_lines()}"
            ) from error
        return nanoseconds / 1e9

    def log_lines(self) -> str:
        """Return what the server has logged so far."""
        return self._log.text()


def _family(pid: int) -> Iterator[int]:
    """Yield a process and its descendants."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text(encoding="ascii").split():
            yield from _family(int(child))


def _cpu_ticks(pid: int) -> int:
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    # The second field, the command, is in parentheses and may contain anything.
    fields = stat.rpartition(")")[2].split()
    user, system = int(fields[11]), int(fields[12])
    return user + system


@contextlib.contextmanager
def running(
    command: ServerCommand, *, core: int | None, request: HTTPRequest = PLAIN
) -> Iterator[Server]:
    """Start a server, wait until it answers, and stop it at the end.

    Args:
        command: The server.
        core: The processor core to pin it to, or None.
        request: The request with which to check whether it works.

    Raises:
        CannotMeasureError: It did not start, or answered something else.
    """
    with pinned(core):  # inherited by the server and its threads and children
        try:
            process = subprocess.Popen(
                command.arguments,
                cwd=HOME,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                # Ctrl-C is for the benchmark, which then stops the server.
                start_new_session=True,
            )
        except OSError as error:
            raise CannotMeasureError(f"The server does not start: {error}") from error
    try:
        assert process.stdout is not None
        log = _Log(process.stdout)
        port = int(log.wait_for(_ADDRESS))
        pid = int(log.wait_for(_WORKER)) if command.forks else process.pid
        _check(port, request, log)
        yield Server(pid, port, process.pid, log)
    finally:
        _stop(process)


@contextlib.contextmanager
def starting(
    commands: Mapping[str, ServerCommand],
    left_out: dict[str, str],
    *,
    core: int | None,
    request: HTTPRequest = PLAIN,
) -> Iterator[dict[str, Server]]:
    """Start several servers, and stop them at the end.

    Those that do not start are noted in ``left_out``, with the reason.

    Args:
        commands: The servers by name; without the first one there is nothing to compare.
        left_out: Where to note them.
        core: As in :func:`running`.
        request: As in :func:`running`.

    Raises:
        CannotMeasureError: The first server did not start.
    """
    with contextlib.ExitStack() as stack:
        servers: dict[str, Server] = {}
        for name, command in commands.items():
            progress(f"starting {name}")
            try:
                servers[name] = stack.enter_context(running(command, core=core, request=request))
            except CannotMeasureError as error:
                if not servers:
                    raise
                progress(f"{name} is left out: {error}")
                left_out[name] = str(error)
        yield servers


def allow_connections(number: int) -> None:
    """Let this process, and the servers it starts, have so many connections.

    Raises:
        CannotMeasureError: The system does not.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = number + SPARE_DESCRIPTORS
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise CannotMeasureError(
            f"a process may open {hard} files, and {wanted} are needed ('ulimit -n')"
        )
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _environment() -> dict[str, str]:
    """Return the environment of a server: it imports the application, and logs line by line."""
    places = [str(HOME), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(places), "PYTHONUNBUFFERED": "1"}


def _check(port: int, request: HTTPRequest, log: "_Log") -> None:
    """See whether a server works; its first answer also tells that its worker is ready."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)
    try:
        _connect(connection)
        connection.request(request.method, request.path, request.body, dict(request.fields))
        response = connection.getresponse()
        status, answer = response.status, response.read()
    except (OSError, http.client.HTTPException) as error:
        raise CannotMeasureError(f"No answer from the server: {error!r}\n{log.text()}") from error
    finally:
        connection.close()
    if status != 200 or not request.is_answered_by(answer):
        raise CannotMeasureError(f"The server answered {status}, {answer[:80]!r}\n{log.text()}")


def _connect(connection: http.client.HTTPConnection) -> None:
    """Connect, trying again for a while: granian says that it listens before it does."""
    deadline = monotonic() + START_SECONDS
    while True:
        try:
            return connection.connect()
        except ConnectionRefusedError:
            if monotonic() > deadline:
                raise
            sleep(0.1)


def _stop(process: "subprocess.Popen[str]") -> None:
    """Stop a server as an operator would; only one that does not comply is killed."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class _Log:
    """The output of a server, read in a thread so that a full pipe never blocks the server."""

    def __init__(self, stream: IO[str]) -> None:
        self._lines: list[str] = []
        self._new: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, args=[stream], daemon=True).start()

    def _read(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                self._lines.append(line)
                self._new.put(line)
        self._new.put(None)

    def wait_for(self, pattern: re.Pattern[str]) -> str:
        """Return the group of the next line that matches, waiting for it."""
        deadline = monotonic() + START_SECONDS
        with contextlib.suppress(queue.Empty):
            while (line := self._new.get(timeout=max(0.0, deadline - monotonic()))) is not None:
                if found := pattern.search(line):
                    return found[1]
        raise CannotMeasureError(f"The server did not start. It said:\n{self.text()}")

    def text(self) -> str:
        return "".join(self._lines)


@contextlib.contextmanager
def pinned(core: int | None) -> Iterator[None]:
    """Keep the calling thread, and processes started here, on one processor core."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def placed() -> dict[str, int | None]:
    """Return the two cores as parameters of a run."""
    server, client = two_cores()
    return {"server_core": server, "client_core": client}


def two_cores() -> tuple[int | None, int | None]:
    """Return a processor core for the server and another one for its clients.

    Sharing one, the two would take turns, and the figures would be the sum of both; where there
    are no two, or processes cannot be pinned (only on Linux they can), both are None.
    """
    cores: Iterable[int] = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
    server, client = [*sorted(cores), None, None][:2]
    return (server, client) if client is not None else (None, None)
