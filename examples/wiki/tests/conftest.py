"""The application with an empty database, in this process."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from aiopyramid_wiki import main
from webtest import TestApp

from aiopyramid_core import run
from aiopyramid_core.lifespan import lifespan_of


@pytest.fixture
def wiki(tmp_path: Path) -> Iterator[TestApp]:
    settings = {
        "sqlalchemy.url": f"sqlite+aiosqlite:///{tmp_path}/wiki.sqlite",
        "tm.manager_hook": "pyramid_tm.explicit_manager",
    }
    application = main(**settings)
    yield TestApp(application)
    run(lifespan_of(application.registry).stop)
