"""What every Markdown file of the repository must hold: code that is code, links that lead on.

Whether the code does what the text says is tested where the text belongs.
"""

import ast
import configparser
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LISTED = subprocess.run(
    ["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True
)
# A template for projects is no document yet; a deleted file is listed until the next commit.
DOCUMENTS = [
    name for name in LISTED.stdout.splitlines() if "{{" not in name and (ROOT / name).is_file()
]

each_document = pytest.mark.parametrize("name", DOCUMENTS)


def blocks(name: str, language: str) -> list[str]:
    text = (ROOT / name).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def heading_anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ +(.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_document
def test_its_python_is_python(name: str) -> None:
    for block in blocks(name, "python"):
        ast.parse(block, filename=name)


@each_document
def test_its_ini_files_can_be_read(name: str) -> None:
    for block in blocks(name, "ini"):
        configparser.ConfigParser(interpolation=None).read_string(block)


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


def test_the_figures_that_explain_the_speed_are_those_that_were_measured() -> None:
    explained = (ROOT / "docs/how-it-works.md").read_text().partition("## When async helps")[2]
    without_addresses = re.sub(r"\]\([^)]*\)", "]", explained)
    numbers = re.findall(r"[\d,.]*\d", without_addresses)
    measured = re.findall(r"[\d,.]*\d", (ROOT / "benchmarks/README.md").read_text())
    assert len(numbers) > 50
    assert set(numbers) <= set(measured)
