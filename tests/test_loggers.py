"""The loggers of the packages, and the table of them in the reference."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "docs" / "reference" / "README.md"
PACKAGES = [*ROOT.glob("packages/*/src/*"), *ROOT.glob("meta/src/*")]


def loggers_of(package: Path) -> Iterator[str]:
    """Yield the name of each logger that a package asks for, as the code spells it."""
    for module in package.rglob("*.py"):
        if "{{" in str(module):  # a template of a project
            continue
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("getLogger"):
                (argument,) = node.args
                yield str(ast.literal_eval(argument))


def test_a_package_logs_to_the_logger_with_its_name_and_to_children_of_it() -> None:
    for package in PACKAGES:
        names = set(loggers_of(package))
        assert {name.partition(".")[0] for name in names} <= {package.name}


def test_the_reference_lists_every_logger() -> None:
    rows = re.findall(r"^\| ((?:`[\w.]+`(?:, )?)+) \|", REFERENCE.read_text(), re.M)
    listed = {name for row in rows for name in re.findall(r"[\w.]+", row)}
    used = {name for package in PACKAGES for name in loggers_of(package)}
    assert listed == used | {"gunicorn.error", "gunicorn.access"}
