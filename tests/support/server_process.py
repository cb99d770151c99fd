"""Programs in processes of their own, for tests: started, read, ended."""

import contextlib
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from signal import SIG_IGN, SIGINT, SIGKILL, SIGTERM, default_int_handler, getsignal, signal
from typing import Any

from forked_python import ForkedPython, can_be_forked

PATIENCE_SECONDS = 60.0
"""The longest wait for anything that a process does."""

if getsignal(SIGINT) is SIG_IGN:
    # As in a background job of a script: all that is started here would ignore Ctrl-C, too.
    signal(SIGINT, default_int_handler)


class Process:
    """A running program, and what it says.

    Args:
        command: The program and its arguments.
        environment: Environment variables in addition to this process's.
        folder: Where to run it; None for this process's own folder.
        forked: Whether ``python -m MODULE`` may be forked from a Python that has imported Pyramid:
            see ``forked_python.py``.
        preloaded: Modules that this Python has imported as well.

    Attributes:
        lines: The output so far, standard output and error together.
    """

    def __init__(
        self,
        command: list[str],
        environment: dict[str, str],
        folder: Path | None = None,
        *,
        forked: bool = True,
        preloaded: tuple[str, ...] = (),
    ) -> None:
        environment = os.environ | {"PYTHONUNBUFFERED": "1"} | environment
        # A session of its own, so that what it forks can be ended with it, and a signal can go
        # to the group as Ctrl-C's does.
        self.popen: ForkedPython | subprocess.Popen[str]
        if forked and can_be_forked(command, environment):
            self.popen = ForkedPython(command, environment, folder or Path.cwd(), preloaded)
        else:
            self.popen = subprocess.Popen(
                command,
                cwd=folder,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
                env=environment,
            )
        self.lines: list[str] = []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            with self._news:
                self.lines.append(line.rstrip("\n"))
                self._news.notify_all()

    @property
    def output(self) -> str:
        """Everything it said so far. What it says just now may be missing: see ``said``."""
        return "\n".join(self.lines)

    def said(self, pattern: str, *, times: int = 1) -> re.Match[str]:
        """Wait until so many lines match, and return the last of these matches."""

        def found() -> list[re.Match[str]]:
            return [match for line in self.lines if (match := re.search(pattern, line))]

        with self._news:
            if not self._news.wait_for(lambda: len(found()) >= times, PATIENCE_SECONDS):
                raise AssertionError(f"it did not say {pattern!r} but:\n{self.output}")
        return found()[times - 1]

    def until(self, condition: Callable[[], Any]) -> None:
        """Wait for a condition that no line tells."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"it never happened:\n{self.output}"
            time.sleep(0.01)

    def signal(self, number: int) -> None:
        """Send a signal to the main process only."""
        self.popen.send_signal(number)

    def signal_group(self, number: int) -> None:
        """Send a signal to all processes, as the terminal does for Ctrl-C."""
        os.killpg(self.popen.pid, number)

    def ended(self) -> float:
        """Wait until it has ended and printed its last lines; return how many seconds that took."""
        started = time.monotonic()
        self.popen.wait(PATIENCE_SECONDS)
        seconds = time.monotonic() - started
        self._reader.join(PATIENCE_SECONDS)
        return seconds

    def end(self, number: int = SIGTERM) -> float:
        """End it as its operator would; return how many seconds that took."""
        self.signal(number)
        return self.ended()

    def close(self) -> None:
        """End it and all that it has started, by force."""
        # The group is ours alone. It may have ended, or have lost its leader.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, SIGKILL)
        self.popen.wait()
        self._reader.join()
        assert self.popen.stdout is not None
        self.popen.stdout.close()


class ServerProcess(Process):
    """A server that says where it listens, in the words of gunicorn or of waitress.

    Args:
        server: Its name in messages.
        command: The arguments of ``python -m``.
        environment: Environment variables in addition to this process's.
        python: The interpreter to run it with.
        preloaded: Modules that may have been imported already, besides Pyramid and gunicorn.

    Attributes:
        site: Its address.
    """

    def __init__(
        self,
        server: str,
        command: list[str],
        environment: dict[str, str],
        python: str = sys.executable,
        *,
        preloaded: tuple[str, ...] = (),
    ) -> None:
        super().__init__([python, "-m", *command], environment, preloaded=preloaded)
        self.server = server
        try:
            self.site = self.said(r"(?:Listening at:|Serving on) (http://127\.0\.0\.1:\d+)")[1]
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End it as an operator would, and by force if that does not help."""
        if self.popen.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.end()
        super().close()
