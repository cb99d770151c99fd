"""Build the distributions as users will get them, check them, and install each one alone.

Run it from the root of the workspace, as ``make wheels`` does::

    python tools/wheels.py                # all of them, into a temporary folder
    python tools/wheels.py --into dist    # keep them there
"""

import argparse
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path
from tempfile import TemporaryDirectory

from distributions import Distribution, read_distributions

__all__ = ("Built", "Refused", "build", "check", "install_alone")

LOCKED = Path(".venv/requirements.txt")
"""The locked versions of all third-party packages, exported by make."""

TESTS = re.compile(r"(^|/)(tests?/|conftest\.py$|test_\w+\.py$)")
TEMPLATE = re.compile(r"/\{\{.+\}\}/")
"""A path in a template for projects, whose tests belong in the wheel."""

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


@dataclass(frozen=True)
class Built:
    """The files of one distribution, as they would be uploaded."""

    distribution: Distribution
    wheel: Path
    archive: Path


def build(distribution: Distribution, into: Path) -> Built:
    """Build the source archive, and the wheel from that archive.

    The backend is the one of this environment, so that nothing is downloaded.
    """
    run(
        "uv",
        "build",
        "--quiet",
        "--no-build-isolation",
        f"--python={sys.executable}",
        f"--out-dir={into}",
        str(distribution.folder),
    )
    stem = f"{distribution.package}-{distribution.version}"
    return Built(distribution, into / f"{stem}-py3-none-any.whl", into / f"{stem}.tar.gz")


def check(built: Built) -> None:
    """Check a wheel and a source archive.

    Raises:
        Refused: They do not meet the requirements of the package index or of users.
    """
    run("twine", "--no-color", "check", "--strict", str(built.wheel), str(built.archive))
    if faults := [*faults_of_wheel(built), *faults_of_archive(built)]:
        raise Refused(f"{built.distribution.name} cannot be released: {'; '.join(faults)}.")


def faults_of_wheel(built: Built) -> Iterator[str]:
    """Yield the faults of a wheel."""
    package = built.distribution.package
    info = f"{package}-{built.distribution.version}.dist-info"
    with zipfile.ZipFile(built.wheel) as wheel:
        held = set(wheel.namelist())
        metadata = message_from_bytes(wheel.read(f"{info}/METADATA"))
    wanted = {f"{package}/__init__.py", f"{package}/py.typed", f"{info}/licenses/LICENSE"}
    yield from (f"the wheel lacks {name}" for name in sorted(wanted - held))
    for name in sorted(held):
        is_test = TESTS.search(name) and not TEMPLATE.search(name)
        if name.partition("/")[0] not in {package, info} or is_test:
            yield f"the wheel contains {name}, which should not be installed"
    for field in ("License-Expression", "Requires-Python", "Keywords", "Summary"):
        if not metadata[field]:
            yield f"its metadata has no {field}"
    if "Private :: Do Not Upload" in metadata.get_all("Classifier", ()):
        yield "it is classified as private"


def faults_of_archive(built: Built) -> Iterator[str]:
    """Yield the faults of a source archive."""
    with tarfile.open(built.archive) as archive:
        held = {member.partition("/")[2] for member in archive.getnames()}
    for name in ("CHANGES.md", "LICENSE", "README.md", "pyproject.toml"):
        if name not in held:
            yield f"the source archive lacks {name}"
    if not any(name.startswith("tests/") for name in held):
        yield "the source archive lacks the tests"


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
    with TemporaryDirectory() as folder:
        python = str(Path(folder, "bin/python"))
        run("uv", "venv", "--quiet", f"--python={sys.executable}", folder)
        install = ("uv", "pip", "install", "--quiet", f"--python={python}")
        for wheel in wanted:
            run(*install, f"--find-links={siblings}", f"--constraint={locked}", wheel)
            run("uv", "pip", "check", "--quiet", f"--python={python}")
            # Isolated (-I): the workspace's own sources are out of reach.
            arguments = (distribution.name, distribution.package, str(distribution.version))
            run(python, "-I", "-W", "ignore", "-c", IMPORT, *arguments)


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
            build_and_check(read_distributions(Path.cwd()).values(), kept or Path(folder), LOCKED)
    except Refused as refused:
        sys.exit(str(refused))


if __name__ == "__main__":
    main()
