"""All of ``docs/tutorial.md`` is done in order, as a reader does it: files, commands, output."""

import shutil
from pathlib import Path

import pytest
from reader import Reader

TUTORIAL = Path(__file__).parent.parent / "docs" / "tutorial.md"


@pytest.mark.skipif(shutil.which("curl") is None, reason="readers use curl: install it")
def test_a_reader_who_does_what_it_says_sees_what_it_says(tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        reader.follow(TUTORIAL)
