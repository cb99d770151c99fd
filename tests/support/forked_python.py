"""Python programs that are forked from a Python that has imported Pyramid and gunicorn already.

Half of the time that a small server takes to start is the import of ``pkg_resources``, by Pyramid,
and of other modules that are the same in each of the hundreds of servers that the tests start. See
``python_forker.py``. A program that must begin in a new Python is started with
``subprocess.Popen``: ``Process(..., forked=False)``.
"""

import atexit
import contextlib
import functools
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Final

__all__ = ("ForkedPython", "can_be_forked")

FORKER: Final = Path(__file__).with_name("python_forker.py")

SUPPORTED: Final = {"PYTHONPATH", "PYTHONUNBUFFERED"}
"""The environment variables of Python that a forked program respects."""


def can_be_forked(command: list[str], environment: dict[str, str]) -> bool:
    """Return whether a command runs a module in this Python, and needs no other start of Python.

    Programs whose coverage is measured need one: it is measured from their start.

    Args:
        command: The program and its arguments.
        environment: All its environment variables.
    """
    changed = {name for name, value in environment.items() if value != os.environ.get(name)}
    return (
        command[:2] == [sys.executable, "-m"]
        and not any(name.startswith("PYTHON") for name in changed - SUPPORTED)
        and not any(name.startswith("COVERAGE_PROCESS_") for name in environment)
    )


class ForkedPython:
    """A program that was forked, with the parts of ``subprocess.Popen`` that tests use.

    Args:
        command: ``sys.executable``, ``-m``, a module and its arguments.
        environment: All its environment variables.
        folder: The folder to run it in.
        preloaded: Modules that are to be imported already, besides Pyramid and gunicorn.
        output: The file to write to; a pipe if it is None.

    Attributes:
        pid: Its process id, and that of its group and session.
        returncode: Its exit status, negative for a signal; None until it has been waited for.
        stdout: Its output, standard output and error together, if it is a pipe.
    """

    def __init__(
        self,
        command: list[str],
        environment: dict[str, str],
        folder: Path,
        preloaded: tuple[str, ...] = (),
        output: int | None = None,
    ) -> None:
        request = {
            "module": command[2],
            "arguments": command[3:],
            "environment": environment,
            "folder": str(folder),
        }
        self.returncode: int | None = None
        self._status, status = _messages()
        self.stdout: IO[str] | None = None
        with contextlib.ExitStack() as stack:
            if output is None:
                readable, output = os.pipe()
                stack.callback(os.close, output)
                self.stdout = os.fdopen(readable, encoding="utf-8")
            stack.enter_context(status)
            stack.enter_context(_asking)
            forker = _forker(preloaded)
            socket.send_fds(forker, [json.dumps(request).encode()], [output, status.fileno()])
        self.pid = int(self._status.recv(_LONGEST))

    def poll(self) -> int | None:
        """Return its exit status, None if it still runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended, and return its exit status.

        Raises:
            subprocess.TimeoutExpired: It has not ended after that many seconds.
        """
        if self.returncode is None:
            self._status.settimeout(timeout)
            try:
                told = self._status.recv(_LONGEST)
            except (BlockingIOError, TimeoutError):
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0) from None
            self.returncode = int(told)
            self._status.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it has not ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


_LONGEST: Final = 32
"""Bytes of a message with a number."""

_asking = threading.Lock()


def _messages() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


@functools.cache
def _forker(preloaded: tuple[str, ...]) -> socket.socket:
    """Start the process that forks with these modules, which ends when this one does."""
    ours, its = _messages()
    with its:
        process = subprocess.Popen(
            [sys.executable, str(FORKER), *preloaded],
            stdin=its.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours
