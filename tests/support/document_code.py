"""The code in our documents, for tests that run it."""

import re
import sys
import textwrap
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


def code_blocks(document: str, language: str = "python") -> list[str]:
    """Return the blocks of code in the text of a document, those in lists included."""
    blocks = re.findall(rf"^( *)```{language}\n(.*?)^\1```$", document, re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(block) for _, block in blocks]


def run_as_module(
    blocks: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch, **given: Any
) -> ModuleType:
    """Run blocks of code, one after the other, in a module of their own.

    Args:
        blocks: The blocks to run.
        folder: Where to write the module: Pyramid's decorators look into its file.
        monkeypatch: Forgets the module when the test ends.
        **given: The names that the text around the code presupposes.

    Returns:
        The module, ``code_of_document``, with all that is given and defined.
    """
    module = ModuleType("code_of_document")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    vars(module).update(given)
    file = folder / f"{module.__name__}.py"
    file.write_text("\n\n".join(blocks))
    exec(compile(file.read_text(), file, "exec"), vars(module))
    return module
