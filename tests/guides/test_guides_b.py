"""Guides that a reader does from beginning to end."""

from pathlib import Path

import pytest
from reader import Reader

GUIDES = Path(__file__).parents[2] / "docs" / "guides"


@pytest.mark.parametrize("name", ["testing"])
def test_a_reader_who_does_what_it_says_sees_what_it_says(name: str, tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        reader.follow(GUIDES / f"{name}.md")
