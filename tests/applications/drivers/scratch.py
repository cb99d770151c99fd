"""Scratch environments: an application from the package index, and this workspace's packages."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from importlib.metadata import distributions
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

__all__ = ("SITES", "CannotPrepareError", "Scratch", "fetch_source", "python_path")

ROOT: Final = Path(__file__).parents[3]
SITES: Final = Path(__file__).parents[1] / "sites"
"""What an application cannot do without: the code around it. On the path of every process."""

_OURS: Final = ("aiopyramid-core", "aiopyramid-gunicorn")
_LIMIT_SECONDS: Final = 600.0


class CannotPrepareError(Exception):
    """An application cannot be installed; the message says why, and what to do."""


class Scratch:
    """A folder for one application, with an environment in it.

    Args:
        folder: Where; kept from run to run, since installing is most of the work.

    Attributes:
        folder: It.
        python: The environment's interpreter.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / "environment" / "bin" / "python"

    def install(self, requirements: Sequence[str]) -> None:
        """Install packages of the index, and this workspace's as they are in the tree.

        Raises:
            CannotPrepareError: That failed.
        """
        uv = shutil.which("uv")
        if uv is None:
            raise CannotPrepareError("uv is not on PATH: run `make apps`, which brings it along")
        environment = self.python.parents[1]
        if not self.python.exists():
            run([uv, "venv", "--quiet", "--python", sys.executable, str(environment)])
        ours = [part for name in _OURS for part in ("--editable", str(ROOT / "packages" / name))]
        # Pyramid needs pkg_resources, which setuptools has lost in the meantime.
        theirs = [*requirements, "gunicorn", "setuptools<82"]
        install = [uv, "pip", "install", "--quiet", "--python", str(self.python)]
        # Of what is there already nothing changes, so that a second run needs no index.
        run([*install, *ours, *theirs])

    def versions(self) -> dict[str, str]:
        """Return what is installed: names in lower case with hyphens, versions."""
        places = [str(place) for place in self.python.parents[1].glob("lib/python*/site-packages")]
        return {
            re.sub(r"[-_.]+", "-", each.metadata["Name"]).lower(): each.version
            for each in distributions(path=places)
        }

    def source(self, name: str) -> Path:
        """Return the unpacked source archive of what is installed, as it was published.

        Raises:
            CannotPrepareError: It cannot be had.
        """
        return fetch_source(f"{name}=={self.versions()[name]}", self.folder / "source")

    def fresh(self, name: str) -> Path:
        """Return an empty folder."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def run(self, *arguments: str, folder: Path) -> str:
        """Run the environment's interpreter in a folder, whose modules it can import.

        Returns:
            The output.

        Raises:
            CannotPrepareError: It failed.
        """
        return run([str(self.python), *arguments], folder, python_path(folder))


def python_path(*folders: Path) -> dict[str, str]:
    """Return the environment variable that lets a process import from folders, and our sites."""
    return {"PYTHONPATH": os.pathsep.join(map(str, (*folders, SITES)))}


def fetch_source(requirement: str, folder: Path) -> Path:
    """Return the unpacked source archive of a package: from the folder, otherwise from the index.

    Args:
        requirement: Name and version, as in ``pyramid==2.1``; options such as ``--hash`` may
            follow, separated by blanks.
        folder: Where to keep it.

    Raises:
        CannotPrepareError: It cannot be had.
    """
    place = folder / requirement.split()[0].replace("==", "-")
    if place.exists():
        return place
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder) as partly:
        wanted = Path(partly, "wanted.txt")
        wanted.write_text(requirement)
        download = ["pip", "--quiet", "download", "--no-deps", "--no-binary", ":all:"]
        run([sys.executable, "-m", *download, "--dest", partly, "-r", str(wanted)])
        (archive,) = Path(partly).glob("*.tar.gz")
        with tarfile.open(archive) as opened:
            opened.extractall(partly, filter="data")
        (unpacked,) = (each for each in Path(partly).iterdir() if each.is_dir())
        unpacked.rename(place)
    return place


def run(
    command: Sequence[str], folder: Path | None = None, environment: dict[str, str] | None = None
) -> str:
    """Run a command, and return what it says, standard output and error together.

    Raises:
        CannotPrepareError: It failed.
    """
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | (environment or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_LIMIT_SECONDS,
    )
    if done.returncode:
        raise CannotPrepareError(
            f"{' '.join(command)}\nended with status {done.returncode}:\n{done.stdout}"
        )
    return done.stdout
