"""The distributions of this workspace, as their ``pyproject.toml`` files describe them."""

import re
import tomllib
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.version import Version

__all__ = ("Built", "Distribution", "in_order", "read_distribution", "read_distributions")


_PYTHON: Final = re.compile(r"Programming Language :: Python :: (3\.\d+)")


@dataclass(frozen=True)
class Distribution:
    """A distribution of this workspace.

    Attributes:
        name: The name that users install.
        version: The version in its ``pyproject.toml``.
        folder: The folder of its ``pyproject.toml``.
        path: The path of this folder from the root of the workspace.
        requirements: Its requirements, including those of its extras.
        extras: The names of its extras.
        pythons: The versions of Python in its classifiers, such as ``3.12``.
    """

    name: str
    version: Version
    folder: Path
    path: str
    requirements: tuple[Requirement, ...]
    extras: tuple[str, ...] = ()
    pythons: tuple[str, ...] = ()

    @property
    def package(self) -> str:
        """The name that users import."""
        return self.name.replace("-", "_")

    @property
    def root(self) -> Path:
        """The root of the workspace."""
        return self.folder.parents[self.path.count("/")]

    @property
    def changelog(self) -> Path:
        """The file that users read before they upgrade."""
        return self.folder / "CHANGES.md"

    @property
    def fragments(self) -> tuple[Path, ...]:
        """The news fragments for the changelog's next section."""
        return tuple(sorted((self.folder / "changes.d").glob("*.md")))


@dataclass(frozen=True)
class Built:
    """The files of one distribution, as they would be uploaded."""

    distribution: Distribution
    wheel: Path
    archive: Path


def read_distributions(root: Path) -> dict[str, Distribution]:
    """Return the distributions of the workspace in the folder ``root``, by their names.

    Examples are members of the workspace as well, but are not released. A folder that the workspace
    excludes has no wheel that runs everywhere: see ``compiled_wheels.py``.
    """
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    excluded = project["tool"]["uv"]["workspace"].get("exclude", ())
    files = [*sorted(root.glob("packages/*/pyproject.toml")), *root.glob("meta/pyproject.toml")]
    read = [
        read_distribution(file, root)
        for file in files
        if file.parent.relative_to(root).as_posix() not in excluded
    ]
    return {distribution.name: distribution for distribution in read}


def in_order(distributions: dict[str, Distribution]) -> list[Distribution]:
    """Return distributions such that each comes after those that it requires."""
    required = {
        name: sorted(
            {needed.name for needed in each.requirements} & (distributions.keys() - {name})
        )
        for name, each in sorted(distributions.items())
    }
    return [distributions[name] for name in TopologicalSorter(required).static_order()]


def read_distribution(file: Path, root: Path) -> Distribution:
    """Return the distribution that a file describes.

    Args:
        file: Its ``pyproject.toml``.
        root: The root of the workspace.
    """
    project = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
    extras = project.get("optional-dependencies", {})
    needed = [
        *project.get("dependencies", ()),
        *(line for extra in extras.values() for line in extra),
    ]
    return Distribution(
        name=project["name"],
        version=Version(project["version"]),
        folder=file.parent,
        path=file.parent.relative_to(root).as_posix(),
        requirements=tuple(map(Requirement, needed)),
        extras=tuple(extras),
        pythons=tuple(
            version[1]
            for line in project.get("classifiers", ())
            if (version := _PYTHON.fullmatch(line))
        ),
    )
