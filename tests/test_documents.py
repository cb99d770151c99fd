"""What every Markdown file of the repository must hold: code that is code, links that lead on.

Whether the code does what the text says is tested where the text belongs.
"""

import ast
import configparser
import re
import subprocess
from pathlib import Path

import pytest
from document_code import code_blocks

ROOT = Path(__file__).parent.parent
LISTED = subprocess.run(
    ["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True
)
# A template for projects is not a document yet; a deleted file is listed until the next commit.
DOCUMENTS = [
    name for name in LISTED.stdout.splitlines() if "{{" not in name and (ROOT / name).is_file()
]

each_document = pytest.mark.parametrize("name", DOCUMENTS)


RUN_BY = {
    "README.md": "tests/test_front_page.py",
    "docs/cheat-sheet.md": "tests/test_cheat_sheet.py",
    "docs/channels.md": "packages/aiopyramid-groups/tests/test_readme.py",
    "docs/guides/containers.md": "tests/guides/test_containers.py",
    "docs/extension-points.md": "tests/integration/test_extension_points.py",
    "docs/migration.md": "meta/tests/test_migration.py",
    "docs/transactions.md": "tests/databases/conftest.py",
    "docs/tutorial.md": "tests/test_tutorial.py",
    "examples/demo/README.md": "examples/demo/tests/test_served.py",
    "examples/tree/README.md": "examples/tree/tests/test_served.py",
    "examples/wiki/README.md": "examples/wiki/tests/test_served.py",
    "meta/README.md": "tests/test_front_page.py",
}
"""Which test runs the code of a document, where its place alone does not tell."""


def runner_of(document: Path) -> Path:
    """Return the test that runs the code of a document."""
    name = str(document.relative_to(ROOT))
    if name in RUN_BY:
        return ROOT / RUN_BY[name]
    if name.startswith("docs/guides/"):
        return ROOT / "tests/guides/test_guides.py"  # all that are in the folder
    return document.parent / "tests/test_readme.py"


def heading_anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ +(.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_document
def test_its_python_is_python(name: str) -> None:
    for block in code_blocks((ROOT / name).read_text()):
        ast.parse(block, filename=name)


@each_document
def test_its_ini_files_can_be_read(name: str) -> None:
    for block in code_blocks((ROOT / name).read_text(), "ini"):
        configparser.ConfigParser(interpolation=None).read_string(block)


@each_document
def test_its_code_is_run_by_a_test(name: str) -> None:
    languages = set(re.findall(r"^ *```(\w+)$", (ROOT / name).read_text(), re.MULTILINE))
    if languages - {"text"}:
        runner = runner_of(ROOT / name)
        assert runner.is_file(), f"no {runner}: say in RUN_BY which test runs {languages}"


@each_document
def test_its_links_within_the_repository_lead_somewhere(name: str) -> None:
    document = ROOT / name
    prose = re.sub(r"^```.*?^```$", "", document.read_text(), flags=re.DOTALL | re.MULTILINE)
    for link in re.findall(r"\]\(([^)\s]+)\)", prose):
        path, _, anchor = link.partition("#")
        if "://" in link:
            continue
        target = (document.parent / path) if path else document
        assert target.exists(), link
        if anchor and target.suffix == ".md":
            assert anchor in heading_anchors(target), link


def figures(text: str) -> set[str]:
    """Return the numbers in a text, without those in the addresses of its links."""
    return set(re.findall(r"[\d,.]*\d", re.sub(r"\]\([^)]*\)", "]", text)))


@pytest.mark.parametrize(
    ("name", "section"),
    [
        ("README.md", "## What it gains, and what it costs"),
        ("docs/how-it-works.md", "## When async helps"),
        ("docs/alternatives.md", "## What was measured"),
    ],
)
def test_the_figures_that_explain_the_speed_are_those_that_were_measured(
    name: str, section: str
) -> None:
    text = (ROOT / name).read_text().partition(section)[2]
    explained = text.partition("\n## ")[0]
    assert len(figures(explained)) > 5
    assert figures(explained) <= figures((ROOT / "benchmarks/README.md").read_text())
