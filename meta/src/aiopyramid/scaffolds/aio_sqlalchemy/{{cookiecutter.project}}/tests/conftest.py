import pytest

from {{ cookiecutter.package }} import create_tables, main

pytest_plugins = ["aiopyramid_sqlalchemy.testing.pytest_plugin"]


@pytest.fixture
def application(tmp_path):
    settings = {
        "pyramid.includes": "aiopyramid",
        "sqlalchemy.url": f"sqlite+aiosqlite:///{tmp_path}/test.sqlite",
        "tm.manager_hook": "pyramid_tm.explicit_manager",
    }
    application = main({}, **settings)
    create_tables(application.registry)
    return application
