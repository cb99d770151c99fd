"""``docs/cheat-sheet.md``, done as a reader does it: an application, settings and tests."""

import shutil
from pathlib import Path

import pytest
from reader import Reader

PAGE = Path(__file__).parent.parent / "docs/cheat-sheet.md"


@pytest.mark.skipif(shutil.which("curl") is None, reason="readers use curl: install it")
def test_all_of_the_cheat_sheet_is_one_application_that_runs(tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        reader.follow(PAGE)
