"""Programs and packages that are compiled for tests and benchmarks, in the user's cache folder."""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

__all__ = ("CannotBuild", "built_once", "folder_in_cache", "install_into", "print_path")


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


def install_into(
    folder: Path,
    arguments: Sequence[str],
    *,
    name: str,
    needs: str,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Have pip compile something into a folder of the cache, which then is there as a whole.

    Args:
        folder: The folder in the cache.
        arguments: The distribution that pip installs, and options of its own.
        name: The name of the program or package.
        needs: The other requirements of the build, for the message.
        environment: Environment variables for the build.

    Raises:
        CannotBuild: There is no compiler, or the build fails.
    """
    compiler = os.environ.get("CC", "gcc")
    if shutil.which(compiler.split()[0]) is None:
        raise CannotBuild(
            f"{name} cannot be built: there is no C compiler ({compiler}). Install one, or set CC."
        )
    print(f"building {name}, which takes up to a minute ...", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        target = Path(temporary) / "target"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        finished = subprocess.run(
            [*command, "--target", str(target), *arguments],
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
        )
        if finished.returncode:
            raise CannotBuild(
                f"{name} cannot be built (it needs a C compiler, {needs}):\n"
                f"{(finished.stdout + finished.stderr)[-4000:]}"
            )
        target.rename(folder)


def print_path(build: Callable[[], Path]) -> None:
    """Print the path of what a function builds, or leave with the reason why it cannot be built."""
    try:
        print(build())
    except CannotBuild as error:
        sys.exit(str(error))
