"""A Python that has imported Pyramid and gunicorn, and forks a program whenever it is asked to.

``forked_python.py`` starts it, and asks it over the socket that is its standard input. A request is
a message of JSON with the module, the arguments, the environment variables and the folder. Two file
descriptors come with it: one for the output of the program, and one for a message with its process
id and another one with its exit status. The arguments of this script are more modules to import.

Python has begun already when the program begins. So this process does what Python does in the
beginning, as far as it depends on the environment: ``PYTHONPATH``. It imports nothing of this
repository, so that each program imports that itself.
"""

import contextlib
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import types
import warnings
from typing import Any, Final

PRELOADED: Final = ("gunicorn.app.wsgiapp", "gunicorn.workers.base", "pyramid.config")
"""Modules that every server of the tests imports, or does not mind."""


class Forker:
    """The loop that answers requests, in this process only."""

    def __init__(self, requests: socket.socket) -> None:
        self._requests = requests
        self._running: dict[int, socket.socket] = {}
        # A signal interrupts the loop by a byte that can be read here.
        self._news, news = socket.socketpair()
        news.setblocking(False)
        signal.set_wakeup_fd(news.detach())
        signal.signal(signal.SIGCHLD, lambda number, frame: None)

    def serve(self) -> dict[str, Any]:
        """Return in each child with its request; exit in this process when nobody asks any more."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._requests, selectors.EVENT_READ)
            selector.register(self._news, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is self._news:
                        self._report_ended()
                    elif (request := self._fork()) is not None:
                        return request

    def _fork(self) -> dict[str, Any] | None:
        """Read a request and fork; return the request in the child."""
        data, descriptors, _, _ = socket.recv_fds(self._requests, 1 << 20, 2)
        if not data:
            # The tests were interrupted if programs are left.
            for pid in self._running:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
            sys.exit()
        output, status = descriptors
        pid = os.fork()
        if pid == 0:
            os.setsid()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.dup2(output, 1)
            os.dup2(output, 2)
            request: dict[str, Any] = json.loads(data)
            return request
        os.close(output)
        self._running[pid] = socket.socket(fileno=status)
        self._tell(pid, pid)
        return None

    def _report_ended(self) -> None:
        """Report the exit status of each program that has ended."""
        self._news.recv(1 << 12)
        for pid in list(self._running):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                self._tell(pid, os.waitstatus_to_exitcode(status))
                self._running.pop(pid).close()

    def _tell(self, pid: int, number: int) -> None:
        # The test may have ended, and does not want to know.
        with contextlib.suppress(OSError):
            self._running[pid].send(str(number).encode())


def preload(*more: str) -> None:
    """Import the modules, as far as they are installed.

    No child collects garbage among the objects that this makes: it would copy all of them, and do
    so at its end at the latest.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in (*PRELOADED, *more):
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
    gc.collect()
    gc.freeze()


def become(request: dict[str, Any]) -> None:
    """Make this process the one that ``python -m MODULE ARGUMENT ...`` would start."""
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    ours = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    # The first one is the folder of this script.
    sys.path[:] = [os.getcwd(), *map(os.path.abspath, ours), *sys.path[1:]]
    sys.path_importer_cache.clear()
    sys.argv = ["-m", *request["arguments"]]
    sys.orig_argv = [sys.executable, "-m", request["module"], *request["arguments"]]
    sys.modules["__main__"] = types.ModuleType("__main__")


if __name__ == "__main__":
    preload(*sys.argv[1:])
    # Only a child goes on after this.
    request = Forker(socket.socket(fileno=os.dup(0))).serve()
    become(request)
    runpy._run_module_as_main(request["module"])  # type: ignore[attr-defined]
