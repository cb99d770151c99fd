"""Build the distributions as users will get them, check them, and install each one alone.

Run it from the root of the workspace, as ``make wheels`` does::

    python tools/wheels.py                # all of them, into a temporary folder
    python tools/wheels.py --into dist    # keep them there
"""

import argparse
import contextlib
import functools
import io
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from hatchling.builders.wheel import WheelBuilder
from twine.commands.check import check as twine_check

from distributions import Built, Distribution, in_order, read_distributions
from index_checks import faults_of_archive, faults_of_wheel
from index_pages import as_published, faults_of_page, read_repository

__all__ = (
    "LOCKED",
    "Refused",
    "build",
    "check",
    "check_files",
    "install",
    "install_alone",
    "new_environment",
    "run",
)

LOCKED = Path(".venv/requirements.txt")
"""The locked versions of all third-party packages, exported by make."""

IMPORT = """
import importlib, importlib.metadata, importlib.resources, sys
name, package, version = sys.argv[1:]
module = importlib.import_module(package)
assert sys.prefix in module.__file__, f"imported from {module.__file__}, not from the wheel"
assert importlib.resources.files(package).joinpath("py.typed").is_file(), "py.typed is not there"
assert importlib.metadata.version(name) == version
"""


class Refused(Exception):
    """Something cannot be released; the message says what, and what to do."""


def build(distribution: Distribution, into: Path) -> Built:
    """Build the source archive, and the wheel from that archive.

    The backend is the one of this environment, so that nothing is downloaded.

    Raises:
        Refused: They cannot be built.
    """
    stem = f"{distribution.package}-{distribution.version}"
    with as_published(distribution, read_repository(distribution.root)) as folder:
        command = ("uv", "build", "--quiet", "--no-build-isolation", f"--python={sys.executable}")
        run(*command, f"--out-dir={into}", str(folder))
    return Built(distribution, into / f"{stem}-py3-none-any.whl", into / f"{stem}.tar.gz")


def check_files(built: Built, *, is_typed: bool = True) -> None:
    """Check a wheel and a source archive, as the package index and users do.

    Args:
        built: The files.
        is_typed: Whether the wheel must say that its package has types.

    Raises:
        Refused: They do not meet their requirements.
    """
    page = faults_of_page(built.distribution, read_repository(built.distribution.root))
    wheel = faults_of_wheel(built, is_typed=is_typed)
    if faults := [*wheel, *faults_of_archive(built), *page]:
        raise Refused(f"{built.distribution.name} cannot be released: {'; '.join(faults)}.")
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        has_failed = twine_check([str(built.wheel), str(built.archive)], strict=True)
    if has_failed:
        raise Refused(f"twine refuses the files of {built.distribution.name}:\n{told.getvalue()}")


def check(built: Built) -> None:
    """Check a wheel and a source archive, and that the wheel can be built again.

    Raises:
        Refused: They do not meet the requirements of the package index or of users; or a second
            wheel, which is built from the folder without the archive, is not the same.
    """
    check_files(built)
    repository = read_repository(built.distribution.root)
    with as_published(built.distribution, repository) as folder, TemporaryDirectory() as second:
        (again,) = WheelBuilder(str(folder)).build(directory=second, versions=["standard"])
        if Path(again).read_bytes() != built.wheel.read_bytes():
            raise Refused(
                f"{built.wheel.name} is not the same if it is built without the source archive:"
                " the archive lacks something, or the build is not reproducible."
            )


def install_alone(built: Built, siblings: Path, locked: Path) -> None:
    """Install a wheel with its declared requirements into a new environment, and import it.

    If it has an extra called ``all``, do this once more with the extra.

    Args:
        built: The distribution to install.
        siblings: The folder with the wheels of the workspace.
        locked: The versions of all other packages.

    Raises:
        Refused: It cannot be installed or imported.
    """
    distribution = built.distribution
    wanted = [str(built.wheel)]
    if "all" in distribution.extras:
        wanted.append(f"{distribution.name}[all] @ {built.wheel.absolute().as_uri()}")
    python = new_environment(sys.executable)
    for wheel in wanted:
        install(wheel, python, siblings, locked)
        # Isolated (-I): the workspace's own sources are out of reach.
        options = ("-I", "-W", "ignore", "-X", f"pycache_prefix={_workshop().name}/compiled")
        arguments = (distribution.name, distribution.package, str(distribution.version))
        run(python, *options, "-c", IMPORT, *arguments)


def new_environment(python: str) -> str:
    """Make an empty environment, in the place of the last one, and return its interpreter.

    Args:
        python: The interpreter for which it is made.
    """
    environment = f"{_workshop().name}/environment"
    run("uv", "venv", "--quiet", "--clear", f"--python={python}", environment)
    return f"{environment}/bin/python"


def install(wheel: str, python: str, siblings: Path, locked: Path) -> None:
    """Install a wheel with its declared requirements.

    Args:
        wheel: The wheel, as ``uv pip install`` takes it.
        python: The interpreter of the environment.
        siblings: The folder with the wheels of the workspace.
        locked: The versions of all other packages.

    Raises:
        Refused: It cannot be installed, or requirements contradict each other.
    """
    into = ("uv", "pip", "install", "--quiet", f"--python={python}")
    run(*into, f"--find-links={siblings}", f"--constraint={locked}", wheel)
    run("uv", "pip", "check", "--quiet", f"--python={python}")


@functools.cache
def _workshop() -> TemporaryDirectory[str]:
    """Return the folder of all environments, one after the other.

    They have one path, so that the modules that Python has compiled for one serve the next.
    """
    return TemporaryDirectory()


def run(*command: str, within: Path | None = None) -> str:
    """Run a command and return its standard output.

    Raises:
        Refused: It has failed.
    """
    done = subprocess.run(command, cwd=within, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refused(f"`{' '.join(command)}` has failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def build_and_check(distributions: Iterable[Distribution], into: Path, locked: Path) -> None:
    """Build all distributions, then check and install them one after another."""
    every = [build(distribution, into) for distribution in distributions]
    for built in every:
        check(built)
        install_alone(built, into, locked)
        print(f"{built.distribution.name} {built.distribution.version}: built, checked, imported")


def main() -> None:
    """Parse the command line and run the command."""
    parser = argparse.ArgumentParser(description="Build, check and install all distributions.")
    parser.add_argument("--into", type=Path, help="keep the files in this folder")
    kept: Path | None = parser.parse_args().into
    try:
        with TemporaryDirectory() as folder:
            build_and_check(in_order(read_distributions(Path.cwd())), kept or Path(folder), LOCKED)
    except Refused as refused:
        sys.exit(str(refused))


if __name__ == "__main__":
    main()
