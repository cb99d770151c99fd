"""The ways to serve an application that are compared."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from server_process import ServerProcess

from .scratch import Scratch, python_path

__all__ = ("GTHREAD", "MIXED", "OURS", "Way", "serving")

_THREADS: Final = 40
"""As many as synchronous requests get from us if nothing else is said."""

_GUNICORN: Final = (
    *("gunicorn", "--no-control-socket", "--bind", "127.0.0.1:0", "--log-level", "info"),
    *("--timeout", "30", "--graceful-timeout", "5"),
)


@dataclass(frozen=True)
class Way:
    """A way to serve an application, or to run tests.

    Attributes:
        name: The name in the table.
        options: gunicorn's.
        includes: The value of the setting ``pyramid.includes``.
    """

    name: str
    options: tuple[str, ...]
    includes: str


_OUR_WORKER: Final = ("--worker-class", "aiopyramid_gunicorn.worker.AsyncGunicornWorker")
_GTHREAD: Final = ("--worker-class", "gthread", "--threads", str(_THREADS))

OURS: Final = Way("our worker", _OUR_WORKER, "aiopyramid_core")
GTHREAD: Final = Way("gthread", _GTHREAD, "")
MIXED: Final = (
    Way("our worker, no include", _OUR_WORKER, ""),
    Way("gthread, include", _GTHREAD, "aiopyramid_core"),
)
"""Either half alone. Nobody plans for them, and they are there on the way from one to the other."""


class Served:
    """An application on a server.

    Attributes:
        site: Its address.
    """

    def __init__(self, process: ServerProcess) -> None:
        self.site = process.site
        self._process = process

    def complaints(self) -> tuple[str, ...]:
        """Return what the server said that an operator would look into."""
        lines = self._process.lines
        said = {
            "the worker was killed": sum("WORKER TIMEOUT" in line for line in lines),
            "a traceback in the log": sum("Traceback (most recent" in line for line in lines),
        }
        return tuple(f"{count} times {what}" for what, count in said.items() if count)


@contextlib.contextmanager
def serving(
    scratch: Scratch, way: Way, *application: str, folders: tuple[Path, ...] = ()
) -> Iterator[Served]:
    """Serve an application; what the server said is in the scratch folder afterwards.

    Args:
        scratch: Where the application is installed.
        way: How to serve it.
        *application: gunicorn's arguments that name it.
        folders: Where more modules are.
    """
    command = [*_GUNICORN, *way.options, *application]
    process = ServerProcess(way.name, command, python_path(*folders), str(scratch.python))
    try:
        yield Served(process)
    finally:
        process.close()
        log = scratch.folder / f"{way.name}.log".replace(", ", "-").replace(" ", "-")
        log.write_text(process.output)
