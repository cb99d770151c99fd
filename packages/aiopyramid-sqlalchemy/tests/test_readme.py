"""README.md: its code runs, as the files that its first lines name."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest
from document_code import code_blocks
from pyramid.config import Configurator
from sqlalchemy import create_engine, inspect
from webtest import TestApp

from aiopyramid_core import run, spawn_greenlet
from aiopyramid_core.lifespan import lifespan_of
from aiopyramid_sqlalchemy import begin_dbsession, get_engine
from aiopyramid_websocket.testing import connect

README = Path(__file__).parents[1].joinpath("README.md").read_text(encoding="utf-8")
MODELS = (Path(__file__).parent / "conftest.py").read_text(encoding="utf-8")
MODELS = "\n".join(
    [
        "from sqlalchemy import ForeignKey",
        "from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship",
        MODELS[MODELS.index("class Base") : MODELS.index("@pytest.fixture")],
    ]
)

APPLICATION = """
import pytest
from blog import main
from blog.models import Base
from aiopyramid_sqlalchemy import get_engine

@pytest.fixture
def application():
    application = main({{}}, **{{"sqlalchemy.url": {url!r},
                                 "tm.manager_hook": "pyramid_tm.explicit_manager"}})
    Base.metadata.create_all(get_engine(application.registry))
    return application
"""


@pytest.fixture
def url(tmp_path):
    return f"sqlite+aiosqlite:///{tmp_path}/blog.db"


@pytest.fixture
def blog(tmp_path, monkeypatch, url):
    """The folder with the files of the README."""
    for code in code_blocks(README):
        named = re.match(r"# ([\w/]+\.py)\n", code)
        assert named, f"code that no file is named for:\n{code}"
        file = tmp_path / named[1]
        file.parent.mkdir(exist_ok=True, parents=True)
        file.write_text(code)
    (tmp_path / "blog/models.py").write_text(MODELS)
    with (tmp_path / "conftest.py").open("a") as conftest:
        conftest.write(APPLICATION.format(url=url))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [name for name in sys.modules if name.split(".")[0] == "blog"]:
        del sys.modules[name]


@pytest.fixture
def application(blog, url):
    import blog as package
    from blog.models import Base, Order, User

    settings = {"sqlalchemy.url": url, "tm.manager_hook": "pyramid_tm.explicit_manager"}
    application = package.main({}, **settings)
    Base.metadata.create_all(get_engine(application.registry))
    with begin_dbsession(application.registry) as dbsession:
        dbsession.add(User(id=1, name="ada", orders=[Order(what="tea")]))
    yield application
    run(lifespan_of(application.registry).stop)


def test_a_coroutine_view_loads_attributes_on_first_use(application):
    assert TestApp(application).get("/orders").json == {"orders": ["tea"]}


def test_explicit_awaits_and_sessions_of_tasks_work(application, url):
    from blog.awaiting import count
    from blog.statistics import statistics

    with Configurator(settings={"sqlalchemy.url": url}) as config:
        config.include("aiopyramid_sqlalchemy")
        for view in (count, statistics):
            config.add_route(view.__name__, view.__name__)
            config.add_view(view, route_name=view.__name__, renderer="json")
        other = config.make_wsgi_app()
    client = TestApp(other)
    assert client.get("/count").json == 2
    assert client.get("/statistics").json == {"users": 2, "orders": 1}
    run(lifespan_of(other.registry).stop)


def test_the_handler_of_a_websocket_commits_each_message(blog, application, url):
    from blog.socket import take_orders

    with Configurator(settings={"sqlalchemy.url": url}) as config:
        config.include("aiopyramid_sqlalchemy")
        config.include("aiopyramid_websocket")
        config.add_websocket_view(take_orders)
        app = config.make_wsgi_app()

    def orders():
        engine = create_engine(url.replace("+aiosqlite", ""))
        with engine.connect() as connection:
            found = connection.exec_driver_sql("select what from orders").scalars().all()
        engine.dispose()
        return found

    async def main():
        lifespan = lifespan_of(app.registry)
        await lifespan.start()
        async with connect(app) as client:
            await client.send("milk")
            answer = await client.recv()
            seen = await asyncio.to_thread(orders)
        await lifespan.stop()
        return answer, seen

    assert asyncio.run(spawn_and_wait(main)) == ("ordered: milk", ["tea", "milk"])


async def spawn_and_wait(main):
    return await (await spawn_greenlet(main))


def test_a_scoped_session_is_one_per_request(application):
    from blog.meta import DBSession
    from blog.models import User

    DBSession.configure(bind=get_engine(application.registry))
    seen = []

    async def view(request):
        seen.append(DBSession())
        await asyncio.sleep(0)
        return DBSession.query(User).count(), DBSession() is seen[-1]

    def remove(event):
        event.request.add_finished_callback(lambda request: DBSession.remove())

    with Configurator() as config:
        config.include("aiopyramid_core")
        config.add_subscriber(remove, "pyramid.events.NewRequest")
        config.add_view(view, renderer="json")
        app = config.make_wsgi_app()
    assert TestApp(app).get("/").json == [1, True]
    DBSession.remove()


def test_alembic_migrates_with_the_settings_of_the_application(blog, url):
    (blog / "blog/alembic/script.py.mako").write_text(
        "from alembic import op\nimport sqlalchemy as sa\n"
        "revision = ${repr(up_revision)}\ndown_revision = ${repr(down_revision)}\n"
        "def upgrade():\n    ${upgrades}\ndef downgrade():\n    ${downgrades}\n"
    )
    (blog / "blog/alembic/versions").mkdir()
    (blog / "development.ini").write_text(
        "[app:main]\nuse = call:blog:main\n"
        f"sqlalchemy.url = {url}\n"
        "[alembic]\nscript_location = blog/alembic\nprepend_sys_path = .\n"
    )
    alembic = [sys.executable, "-m", "alembic", "-c", "development.ini"]
    for arguments in (["revision", "--autogenerate", "-m", "first"], ["upgrade", "head"]):
        done = subprocess.run([*alembic, *arguments], cwd=blog, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    engine = create_engine(url.replace("+aiosqlite", ""))
    assert {"alembic_version", "orders", "users"} == set(inspect(engine).get_table_names())
    engine.dispose()


def test_its_test_passes(blog):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_blog.py"],
        cwd=blog,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
