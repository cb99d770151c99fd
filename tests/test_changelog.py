"""``docs/changelog.md``: each package with its version, and a changelog that has this version."""

import re
from pathlib import Path
from typing import Final

import pytest

from distributions import Distribution, read_distributions

ROOT: Final = Path(__file__).parent.parent
DISTRIBUTIONS: Final = read_distributions(ROOT)
ROWS: Final = {
    row["name"]: row.groupdict()
    for row in re.finditer(
        r"^\| \[(?P<name>[\w-]+)\]\((?P<link>\S+)\) \| (?P<version>\S+) \| (?P<highlights>.+) \|$",
        (ROOT / "docs/changelog.md").read_text(),
        re.MULTILINE,
    )
}


def test_all_packages_have_a_row() -> None:
    assert set(ROWS) == set(DISTRIBUTIONS)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS.values(), ids=DISTRIBUTIONS)
def test_the_row_of_a_package_leads_to_the_changelog_of_its_version(
    distribution: Distribution,
) -> None:
    row = ROWS[distribution.name]
    version = str(distribution.version)
    assert row["version"] == version
    changelog = (ROOT / "docs" / row["link"]).resolve()
    assert changelog == distribution.changelog
    (newest, *_) = re.findall(r"^## (\S+) \(", changelog.read_text(), re.MULTILINE)
    assert newest == version


@pytest.mark.parametrize("distribution", DISTRIBUTIONS.values(), ids=DISTRIBUTIONS)
def test_the_names_among_the_highlights_are_in_the_changelog(distribution: Distribution) -> None:
    changes = distribution.changelog.read_text()
    for name in re.findall(r"`(\w+)`", ROWS[distribution.name]["highlights"]):
        assert name in changes
