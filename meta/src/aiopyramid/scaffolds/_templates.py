"""The templates in this package."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ("SCAFFOLDS", "Scaffold")


@dataclass(frozen=True, slots=True)
class Scaffold:
    """A template for projects.

    Attributes:
        name: Its name for ``pcreate -s``.
        summary: The kind of project that it creates, in a few words.
        folder: Its folder, for ``cookiecutter FOLDER``.
    """

    name: str
    summary: str
    folder: Path


def _found_in(folder: Path) -> dict[str, Scaffold]:
    found = {}
    for described in sorted(folder.glob("*/cookiecutter.json")):
        summary = json.loads(described.read_text(encoding="utf-8"))["_summary"]
        found[described.parent.name] = Scaffold(described.parent.name, summary, described.parent)
    return found


SCAFFOLDS: Final = _found_in(Path(__file__).parent)
"""All templates, by name."""
