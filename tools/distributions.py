"""The distributions of this workspace, as their ``pyproject.toml`` files describe them."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

__all__ = ("Distribution", "read_distributions")


@dataclass(frozen=True)
class Distribution:
    """One of them.

    Attributes:
        name: What users install.
        version: As in its ``pyproject.toml``.
        folder: Where it lies.
        requirements: What it needs, the needs of its extras included.
    """

    name: str
    version: Version
    folder: Path
    requirements: tuple[Requirement, ...]

    @property
    def package(self) -> str:
        """What users import."""
        return self.name.replace("-", "_")

    @property
    def changelog(self) -> Path:
        """What users read before they upgrade."""
        return self.folder / "CHANGES.md"

    @property
    def fragments(self) -> tuple[Path, ...]:
        """The news that are to become the changelog's next section."""
        return tuple(sorted((self.folder / "changes.d").glob("*.md")))


def read_distributions(root: Path) -> dict[str, Distribution]:
    """Return the distributions of the workspace in the folder ``root``, by their names.

    Examples are members of the workspace too, but nobody releases them.
    """
    files = [*sorted(root.glob("packages/*/pyproject.toml")), *root.glob("meta/pyproject.toml")]
    read = map(_read, files)
    return {distribution.name: distribution for distribution in read}


def _read(file: Path) -> Distribution:
    project = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
    extras = project.get("optional-dependencies", {}).values()
    needed = [*project.get("dependencies", ()), *(line for extra in extras for line in extra)]
    return Distribution(
        name=project["name"],
        version=Version(project["version"]),
        folder=file.parent,
        requirements=tuple(map(Requirement, needed)),
    )
