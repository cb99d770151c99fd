"""The lists of modules in the packages' docstrings."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = sorted(
    path.parent
    for pattern in ("*", "*/_*")
    for path in ROOT.glob(f"packages/*/src/{pattern}/__init__.py")
)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_the_reading_order_of_a_package_names_each_of_its_modules(package: Path) -> None:
    documentation = ast.get_docstring(ast.parse((package / "__init__.py").read_text()))
    assert documentation is not None
    # The lines that are not indented name modules, the others say what they hold.
    lines = re.findall(r"^``.+``$", documentation, re.MULTILINE)
    named = re.findall(r"``(\w+)``", " ".join(lines))
    modules = {path.stem for path in package.glob("*.py")} - {"__init__"}
    modules |= {path.parent.name for path in package.glob("*/__init__.py")}
    assert sorted(named) == sorted(modules)
