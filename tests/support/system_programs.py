"""Programs of the system that tests need: found, or installed where that needs no question."""

import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

INSTALL_SECONDS: Final = 300.0


class ProgramMissingError(Exception):
    """There is no such program, and it cannot be installed; the message says why."""


def find_program(*names: str, package: str, elsewhere: Iterable[str] = ()) -> str:
    """Return the path of a program; as root on a Debian system, install it if need be.

    Args:
        names: Its possible names; the first one found is taken.
        package: The Debian package that has it.
        elsewhere: Patterns of paths below ``/`` where it may be when it is not on PATH.

    Raises:
        ProgramMissingError: There is none.
    """

    def found() -> str | None:
        on_path = (path for name in names if (path := shutil.which(name)))
        beside = (str(path) for each in elsewhere for path in sorted(Path("/").glob(each)))
        return next(on_path, None) or next(beside, None)

    # pytest-xdist runs several processes; one of them installs.
    with _lock(package):
        if (program := found()) is not None:
            return program
        with _lock("installing"):  # apt-get refuses to run twice at a time
            _install(package, names[0])
    if (program := found()) is None:
        raise ProgramMissingError(f"{package} is installed, but there is no {names[0]}")
    return program


@contextlib.contextmanager
def _lock(name: str) -> Iterator[None]:
    """Let one process at a time do something."""
    folder = Path(tempfile.gettempdir())
    with open(folder / f"aiopyramid-{os.getuid()}-{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install(package: str, name: str) -> None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise ProgramMissingError(f"there is no {name}: install it ('apt-get install {package}')")
    for arguments in (["update"], ["install", "--yes", "--no-install-recommends", package]):
        done = subprocess.run(
            ["apt-get", "--quiet", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
        )
        if done.returncode:
            raise ProgramMissingError(
                f"there is no {name}, and apt-get {arguments[0]} failed:\n{done.stderr}"
            )
