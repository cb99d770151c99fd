from pathlib import Path
from typing import Any

import pytest

from {{ cookiecutter.package }} import create_tables, main

pytest_plugins = ["aiopyramid_sqlalchemy.testing.pytest_plugin"]


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    return {
        "pyramid.includes": "aiopyramid",
        "sqlalchemy.url": f"sqlite+aiosqlite:///{tmp_path}/test.sqlite",
        "tm.manager_hook": "pyramid_tm.explicit_manager",
    }


@pytest.fixture
def application(settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    application = main({}, **settings)
    create_tables(application.registry)
    return application
