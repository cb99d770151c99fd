"""Build the wheels of the compiled form as users will get them, check them, and use each one.

``aiopyramid-gunicorn-fast`` needs a wheel for each Python and system. This script makes those that
can be made here: for each Python that the package names and that is installed. On Linux they then
run with every C library that has the symbols they use (``auditwheel``).

Run it from the root of the workspace, as ``make compiled-wheels`` does::

    python tools/compiled_wheels.py                # into a temporary folder
    python tools/compiled_wheels.py --into dist    # keep them there
"""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from distributions import Built, Distribution, in_order, read_distribution, read_distributions
from index_pages import as_published, read_repository
from wheels import LOCKED, Refused, build, check_files, install, new_environment, run

__all__ = ("build_archive", "build_wheel", "interpreters", "use")

COMPILED: Final = "packages/aiopyramid-gunicorn-fast"
FOR: Final = "aiopyramid-gunicorn"

BUILD: Final = ("uv", "build", "--quiet")
WITH_BACKEND_OF_THIS_ENVIRONMENT: Final = ("--no-build-isolation", f"--python={sys.executable}")
"""Then nothing is downloaded."""

HAS_HEADERS: Final = """
import pathlib, sys, sysconfig
if not pathlib.Path(sysconfig.get_path("include"), "Python.h").exists():
    sys.exit("its headers are not installed")
"""

USE: Final = """
from aiopyramid_gunicorn._http1 import implementation
assert implementation.IMPLEMENTATION == "compiled", implementation.MISMATCH
assert implementation.Response.__module__ == "aiopyramid_gunicorn_fast._response"
"""


def interpreters(distribution: Distribution) -> Iterator[tuple[str, str | None]]:
    """Yield each Python that a distribution names, with the reason why there can be no wheel.

    The reason is None for a Python that is installed with its headers.
    """
    for version in distribution.pythons:
        name = f"python{version}"
        running = version == ".".join(map(str, sys.version_info[:2]))
        program = sys.executable if running else shutil.which(name)
        if program is None:
            yield name, "it is not installed"
            continue
        asked = subprocess.run([program, "-c", HAS_HEADERS], capture_output=True, text=True)
        yield program, (asked.stderr.strip() or "it does not start") if asked.returncode else None


def build_archive(distribution: Distribution, into: Path) -> Path:
    """Build the source archive.

    Raises:
        Refused: It cannot be built.
    """
    backend = WITH_BACKEND_OF_THIS_ENVIRONMENT
    with as_published(distribution, read_repository(distribution.root)) as folder:
        run(*BUILD, *backend, "--sdist", f"--out-dir={into}", str(folder))
    return into / f"{distribution.package}-{distribution.version}.tar.gz"


def build_wheel(archive: Path, python: str, into: Path) -> Path:
    """Build the wheel for one Python, from the source archive.

    Args:
        archive: The source archive.
        python: The path of the interpreter.
        into: The folder for the wheel.

    Raises:
        Refused: It cannot be built.
    """
    own = python == sys.executable
    where = WITH_BACKEND_OF_THIS_ENVIRONMENT if own else (f"--python={python}",)
    with TemporaryDirectory() as folder:
        run(*BUILD, *where, "--wheel", f"--out-dir={folder}", str(archive))
        (wheel,) = Path(folder).glob("*.whl")
        if sys.platform != "linux":
            return Path(shutil.copy(wheel, into))
        repaired = Path(folder, "repaired")
        run(sys.executable, "-m", "auditwheel", "repair", f"--wheel-dir={repaired}", str(wheel))
        (wheel,) = repaired.glob("*.whl")
        return Path(shutil.copy(wheel, into))


def use(built: Built, python: str, siblings: Path, locked: Path) -> None:
    """Install a wheel in a new environment, and have aiopyramid-gunicorn use it.

    Args:
        built: The wheel.
        python: The interpreter for which it was built.
        siblings: The folder with the wheels of the workspace.
        locked: The versions of all other packages.

    Raises:
        Refused: It cannot be installed, or is not used.
    """
    inside = new_environment(python)
    install(str(built.wheel), inside, siblings, locked)
    run(inside, "-I", "-W", "ignore", "-c", USE)


def build_and_check(distribution: Distribution, into: Path, programs: Sequence[str]) -> None:
    """Build the source archive and the wheels for some interpreters, check and use them."""
    root = distribution.root
    with TemporaryDirectory() as folder:
        siblings = Path(folder)
        for sibling in in_order(read_distributions(root)):
            build(sibling, siblings)
            if sibling.name == FOR:
                break
        archive = build_archive(distribution, into)
        for program in programs:
            built = Built(distribution, build_wheel(archive, program, into), archive)
            check_files(built, is_typed=False)
            use(built, program, siblings, root / LOCKED)
            print(f"{built.wheel.name}: built, checked, used by {FOR}", flush=True)


def main() -> None:
    """Parse the command line and run the command."""
    parser = argparse.ArgumentParser(description="Build, check and use the compiled wheels.")
    parser.add_argument("--into", type=Path, help="keep the files in this folder")
    kept: Path | None = parser.parse_args().into
    distribution = read_distribution(Path.cwd() / COMPILED / "pyproject.toml", Path.cwd())
    programs = []
    for program, reason in interpreters(distribution):
        if reason is None:
            programs.append(program)
        else:
            print(f"no wheel for {program}: {reason}", flush=True)
    if not programs:
        sys.exit(
            "No wheel can be built here: install a Python that the package names, with its headers."
        )
    try:
        with TemporaryDirectory() as folder:
            into = kept or Path(folder)
            into.mkdir(parents=True, exist_ok=True)
            build_and_check(distribution, into, programs)
    except Refused as refused:
        sys.exit(str(refused))


if __name__ == "__main__":
    main()
