"""Programs and packages that are compiled for tests and benchmarks, in the user's cache folder."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

__all__ = ("CannotBuild", "built_once", "check_compiler", "folder_in_cache")


class CannotBuild(Exception):
    """Something is not in the cache, and it cannot be built here; the message says why."""


def folder_in_cache(name: str) -> Path:
    """Return the path of a folder in ``$XDG_CACHE_HOME``, or ``~/.cache``.

    Args:
        name: The name of the folder; it names all that the content depends on.
    """
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "aiopyramid" / name


def built_once(folder: Path, is_built: Callable[[], bool], build: Callable[[Path], None]) -> None:
    """Build a folder of the cache, unless it is there.

    Processes that call this at the same time wait for the one that builds.

    Args:
        folder: The folder in the cache.
        is_built: Returns whether it is there.
        build: Makes the folder, as its last step.

    Raises:
        CannotBuild: ``build`` has raised it.
    """
    if is_built():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{folder}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_built():
            build(folder)


def check_compiler(name: str) -> None:
    """Check that there is a C compiler.

    Args:
        name: The name of the program or package that is to be built.

    Raises:
        CannotBuild: There is none.
    """
    compiler = os.environ.get("CC", "gcc")
    if shutil.which(compiler.split()[0]) is None:
        raise CannotBuild(
            f"{name} cannot be built: there is no C compiler ({compiler}). Install one, or set CC."
        )
