"""README.md: what it has to mention."""

from pathlib import Path

import pytest
from gunicorn.config import Config

README = Path(__file__).parents[1].joinpath("README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", Config().settings)
def test_it_says_what_becomes_of_each_of_gunicorns_settings(name):
    # A new version of gunicorn may have a setting that a worker must honour. Look at it.
    assert f"`{name}`" in README
