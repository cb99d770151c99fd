"""Creating a project, either completely or not at all."""

import importlib.util
import keyword
import re
import tempfile
from pathlib import Path
from typing import Final

from cookiecutter.generate import generate_context, generate_files

from ._templates import SCAFFOLDS
from .exceptions import NoSuchFolder, TargetExists, UnknownScaffold, UnusableName

__all__ = ("create_project",)

_PROJECT_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", re.ASCII)
"""Names of distributions (PyPA, "Names and normalization")."""

_MOST_CHARACTERS: Final = 200
"""Longest name. File systems allow 255 bytes, and pip adds the version and more to a name."""


def create_project(scaffold: str, target: Path, package: str | None = None) -> Path:
    """Create a project from a scaffold.

    Args:
        scaffold: The name of the scaffold, one of ``SCAFFOLDS``.
        target: The folder to create. Its last part is the name of the project.
        package: The name of the Python package in it; made from the project's if it is None.

    Returns:
        The folder, as an absolute path.

    Raises:
        ScaffoldError: There is no such scaffold, the folder exists, or a name cannot be used.
            Nothing has been written.
        OSError: The project cannot be written. Files that were written have been removed.
    """
    if scaffold not in SCAFFOLDS:
        raise UnknownScaffold(scaffold, SCAFFOLDS)
    target = target.absolute()
    project = _checked_project(target.name)
    package = _checked_package(package or re.sub(r"[-.]+", "_", project.lower()))
    if target.exists() or target.is_symlink():
        raise TargetExists(target)
    if not target.parent.is_dir():
        raise NoSuchFolder(target.parent)

    folder = SCAFFOLDS[scaffold].folder
    context = generate_context(
        context_file=str(folder / "cookiecutter.json"),
        extra_context={"project": project, "package": package},
    )
    # Next to the target, so that a single rename puts everything in place.
    with tempfile.TemporaryDirectory(prefix=".pcreate-", dir=target.parent) as workshop:
        made = generate_files(str(folder), context=context, output_dir=workshop)
        Path(made).rename(target)
    return target


def _checked_project(name: str) -> str:
    if not _PROJECT_NAME.fullmatch(name):
        raise UnusableName(
            name,
            "a project's name has letters, digits, '-', '_' and '.', and begins and ends"
            " with a letter or digit",
        )
    return _checked_length(name)


def _checked_length(name: str) -> str:
    if len(name) > _MOST_CHARACTERS:
        raise UnusableName(
            f"{name[:20]}...",
            f"it has {len(name)} characters, and the maximum is {_MOST_CHARACTERS}",
        )
    return name


def _checked_package(name: str) -> str:
    _checked_length(name)
    if not name.isidentifier() or not name.isascii() or keyword.iskeyword(name):
        raise UnusableName(name, "Python cannot import it. Name the package with --package-name")
    if importlib.util.find_spec(name) is not None:
        raise UnusableName(
            name,
            "there is a Python package or module of this name, which would hide the new one or be"
            " hidden by it. Name the package with --package-name",
        )
    return name
