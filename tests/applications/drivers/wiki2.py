"""The wiki of Pyramid's tutorial: SQLAlchemy, an explicit transaction manager, retries."""

import re
import shutil
import sqlite3
from typing import Final

import httpx

from .figures import Figure, http_client, in_parallel
from .scratch import Scratch
from .ways import Way, serving

REQUIREMENTS: Final = (
    *("pyramid~=2.1", "pyramid-debugtoolbar", "pyramid-jinja2", "pyramid-retry", "pyramid-tm"),
    *("sqlalchemy~=2.0", "zope.sqlalchemy", "alembic", "bcrypt", "docutils"),
    *("plaster-pastedeploy", "waitress"),
)

_CLIENTS: Final = 40

_INI: Final = """\
[app:main]
use = call:tutorial:main
pyramid.includes = slow_database {includes}
sqlalchemy.url = sqlite:///%(here)s/tutorial.sqlite
retry.attempts = 3
auth.secret = a secret
[alembic]
script_location = tutorial/alembic
"""


def pages(scratch: Scratch, way: Way) -> Figure:
    """Forty clients add a page each and read it; count the pages in the database."""
    # The last step of the tutorial: all of the application, and its tests.
    source = scratch.source("pyramid") / "docs" / "tutorials" / "wiki2" / "src" / "tests"
    folder = scratch.fresh("wiki") / "tutorial"
    shutil.copytree(source, folder)
    ini = folder / "wiki.ini"
    ini.write_text(_INI.format(includes=way.includes))
    # In the tutorial's own words.
    scratch.run("-m", "alembic", "-c", str(ini), "upgrade", "head", folder=folder)
    initialize = "from tutorial.scripts.initialize_db import main; main(['', 'wiki.ini'])"
    scratch.run("-c", initialize, folder=folder)
    with serving(scratch, way, "--paste", str(ini), folders=(folder,)) as served:
        cookies = _log_in(served.site)

        def client(number: int) -> None:
            name = f"Page{number}"
            with http_client(served.site, cookies=cookies) as browser:
                form = browser.get(f"/add_page/{name}").raise_for_status()
                data = {"body": f"page {number}, see FrontPage", "csrf_token": _token(form.text)}
                saved = browser.post(f"/add_page/{name}", data=data)
                assert saved.status_code == 303, f"saving a page: {saved.status_code}"
                page = browser.get(saved.headers["location"]).raise_for_status()
                assert f"page {number}, see" in page.text, "the page is not the one saved"

        figure = in_parallel(client, _CLIENTS)
        remarks = (*figure.remarks, *served.complaints())
    with sqlite3.connect(folder / "tutorial.sqlite") as database:
        ((rows,),) = database.execute("SELECT count(*) FROM pages WHERE name LIKE 'Page%'")
    if rows != figure.right:
        remarks = (f"{rows} pages in the database, {figure.right} clients content", *remarks)
    return Figure(min(rows, figure.right), _CLIENTS, figure.seconds, remarks)


def _log_in(site: str) -> httpx.Cookies:
    """Return the cookies of one log-in; its password takes long to check."""
    with http_client(site) as browser:
        form = browser.get("/login").raise_for_status()
        data = {"login": "editor", "password": "editor", "csrf_token": _token(form.text)}
        assert browser.post("/login", data=data).status_code == 303, "cannot log in"
        return browser.cookies


def _token(form: str) -> str:
    found = re.search(r'name="csrf_token" value="(\w+)"', form)
    assert found, f"no token in the form:\n{form}"
    return found[1]
