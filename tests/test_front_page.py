"""``README.md``, done as a reader does it, and the code of ``meta/README.md``."""

import shutil
from pathlib import Path

import pytest
from document_code import code_blocks, run_as_module
from pyramid.config import Configurator
from reader import Reader

ROOT = Path(__file__).parent.parent


@pytest.mark.skipif(shutil.which("curl") is None, reason="readers use curl: install it")
def test_the_front_page_shows_an_application_that_runs_as_shown(tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        reader.follow(ROOT / "README.md")


def test_all_packages_are_included_by_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Configurator(autocommit=True)
    readme = (ROOT / "meta/README.md").read_text()
    run_as_module(code_blocks(readme), tmp_path, monkeypatch, config=config)

    assert callable(config.add_startup)
    assert callable(config.add_websocket_view)
