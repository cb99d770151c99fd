"""Why a project was not created.

::

    AiopyramidError
    └── ScaffoldError
        ├── UnknownScaffold     there is no such template
        ├── TargetExists        the file or folder exists already
        ├── NoSuchFolder        there is no folder to create the project in
        └── UnusableName        a project or package cannot have this name
"""

from collections.abc import Iterable
from pathlib import Path

from aiopyramid_core import AiopyramidError

__all__ = ("NoSuchFolder", "ScaffoldError", "TargetExists", "UnknownScaffold", "UnusableName")


class ScaffoldError(AiopyramidError):
    """A project was not created; nothing has been written."""


class UnknownScaffold(ScaffoldError):
    """There is no scaffold of this name.

    Attributes:
        name: The name.
        known: The names of all scaffolds.
    """

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(name, known)
        self.name = name
        self.known = tuple(known)

    def __str__(self) -> str:
        return f"There is no scaffold {self.name!r}. Choose one of: {', '.join(self.known)}"


class TargetExists(ScaffoldError):
    """There is already a file or folder with the path of the project.

    Attributes:
        target: The file or folder.
    """

    def __init__(self, target: Path) -> None:
        super().__init__(target)
        self.target = target

    def __str__(self) -> str:
        return f"{self.target} exists already. Choose another name, or move it away"


class NoSuchFolder(ScaffoldError):
    """The folder in which the project should be created does not exist.

    Attributes:
        folder: The folder.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder

    def __str__(self) -> str:
        return f"There is no folder {self.folder} to create the project in. Make it first"


class UnusableName(ScaffoldError):
    """A project or its package cannot have this name.

    Attributes:
        name: The name.
        reason: The fault and the remedy, as an independent clause.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.name!r} cannot be used as a name: {self.reason}"
