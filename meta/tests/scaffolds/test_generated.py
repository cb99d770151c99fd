"""Generated projects: installed, tested by their own tests, and served."""

import asyncio
import functools
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

import pytest
from chromium import Chromium, find_chromium
from server_process import ServerProcess
from system_programs import ProgramMissingError
from uwsgi_command import UWSGIProcess, uwsgi_binary_or_skip
from websockets.sync.client import connect

from aiopyramid.scaffolds import SCAFFOLDS, create_project

ROOT = Path(__file__).parents[3]

# Straight to this machine, whatever proxy the environment names.
open_url = build_opener(ProxyHandler({})).open


class Project:
    """A generated project, installed into a folder of its own."""

    def __init__(self, scaffold: str, folder: Path) -> None:
        self.scaffold = scaffold
        self.folder = create_project(scaffold, folder / "My-Site")
        self.site_packages = folder / "site-packages"
        self.environment = {"PYTHONPATH": str(self.site_packages)}
        # Its dependencies are installed already, so that no package index is used.
        offline = ["--no-deps", "--no-build-isolation", "--no-index"]
        self.run("pip", "install", *offline, "--target", str(self.site_packages), ".")

    def run(self, *command: str, typed: str = "") -> str:
        """Run a Python module in the project's folder, type something, and return what it says."""
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=self.folder,
            input=typed,
            env=os.environ | self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Project]:
    """Generate and install each project once, although tests of others come in between."""
    return functools.cache(lambda scaffold: Project(scaffold, tmp_path_factory.mktemp(scaffold)))


@pytest.fixture(scope="module", params=SCAFFOLDS)
def project(request: pytest.FixtureRequest, projects: Callable[[str], Project]) -> Project:
    return projects(request.param)


def on_gunicorn(project: Project) -> ServerProcess:
    """Start the project by pserve, as its README says, but on a free port."""
    ini = project.folder / "gunicorn.ini"
    written = (project.folder / "development.ini").read_text()
    ini.write_text(written.replace("port = 6543", "port = 0"))
    return ServerProcess("pserve", ["pyramid.scripts.pserve", str(ini)], project.environment)


def as_in_its_container(project: Project) -> ServerProcess:
    """Start the project by the command of its Dockerfile, but on a free port."""
    program, ini, *options = in_dockerfile(project, "CMD")
    assert (program, ini) == ("pserve", "production.ini")
    changed = project.folder / "container.ini"
    written = (project.folder / ini).read_text()
    changed.write_text(written.replace("bind = 0.0.0.0:6543", "bind = 127.0.0.1:0"))
    command = ["pyramid.scripts.pserve", str(changed), *options]
    return ServerProcess("pserve", command, project.environment)


def in_dockerfile(project: Project, instruction: str) -> list[str]:
    """Return the command of an instruction in the project's Dockerfile."""
    lines = (project.folder / "Dockerfile").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith(f"{instruction} ")]
    command: list[str] = json.loads(line[line.index("[") :])
    return command


def on_uwsgi(project: Project) -> UWSGIProcess:
    """Start the project by uWSGI, as its README says, but on a free port."""
    ini = project.folder / "uwsgi.ini"
    written = (project.folder / "development.ini").read_text()
    ini.write_text(written.replace("http-socket = 127.0.0.1:6543", "http-socket = 127.0.0.1:0"))
    command = [uwsgi_binary_or_skip(), "--home", sys.prefix, "--ini-paste-logged", str(ini)]
    return UWSGIProcess(command, project.environment)


@pytest.fixture(scope="module", params=[on_gunicorn, on_uwsgi])
def server(project: Project, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Serve the project for several tests, and check that the server stops when asked to."""
    server = request.param(project)
    try:
        yield server
        server.end()
        assert server.popen.returncode == 0, server.output
    finally:
        server.close()


def test_its_own_tests_pass(project: Project) -> None:
    assert " passed" in project.run("pytest", "-q", "-p", "no:cacheprovider")


def test_its_types_are_right(project: Project) -> None:
    # A cache of their own: the options differ from those of this repository.
    project.run("mypy", f"--cache-dir={ROOT / '.mypy_cache' / 'scaffolds'}")


def test_a_server_serves_a_page(server: Any) -> None:
    with open_url(server.site, timeout=20) as response:
        assert "Pyramid with asyncio" in response.read().decode()


def test_its_debug_toolbar_shows_what_a_page_waited_for(server: Any) -> None:
    open_url(server.site, timeout=20).close()

    with open_url(f"{server.site}/_debug_toolbar/", timeout=20) as response:
        toolbar = response.read().decode()
    trace = re.search(r"/_debug_toolbar/[0-9a-f]+/waterfall\b", toolbar)
    assert trace
    with open_url(f"{server.site}{trace[0]}.json", timeout=20) as response:
        rows = json.load(response)["traceEvents"]
    assert "wait" in {row["cat"] for row in rows}


def test_its_container_starts_it_and_asks_for_its_health(project: Project) -> None:
    server = as_in_its_container(project)
    try:
        assert "127.0.0.1:6543" not in server.site  # the server for the container, not the other
        server.said("Using worker: aiopyramid_gunicorn.worker.AsyncGunicornWorker")
        with open_url(server.site, timeout=20) as response:
            assert "Pyramid with asyncio" in response.read().decode()
        python, *arguments, code = in_dockerfile(project, "HEALTHCHECK CMD")
        assert python == "python"
        code = code.replace("http://127.0.0.1:6543", server.site)
        subprocess.run([sys.executable, *arguments, code], check=True)
    finally:
        server.close()


@pytest.mark.parametrize("project", ["aio_sqlalchemy"], indirect=True)
def test_its_notes_are_committed(server: Any) -> None:
    with open_url(server.site, data=b"text=tea", timeout=20) as response:
        assert "tea" in response.read().decode()  # by the view to which it was redirected


@pytest.mark.parametrize("project", ["aio_sqlalchemy"], indirect=True)
def test_its_migrations_run(project: Project) -> None:
    for arguments in (["revision", "--autogenerate", "-m", "first"], ["upgrade", "head"]):
        project.run("alembic", "-c", "development.ini", *arguments)


@pytest.mark.parametrize("project", ["aio_sqlalchemy"], indirect=True)
def test_its_shell_reads_and_writes_the_database(project: Project) -> None:
    lines = [
        "models.Base.metadata.create_all(dbsession.connection())",
        "dbsession.add(models.Note(text='milk'))",
        "tm.commit()",
        "tm.begin()",
        "print('notes:', [note.text for note in dbsession.query(models.Note)])",
    ]
    command = ("pyramid.scripts.pshell", "-p", "python", "development.ini")
    assert "'milk']" in project.run(*command, typed="\n".join(lines))


@pytest.mark.parametrize("project", ["aio_websocket"], indirect=True)
def test_its_websocket_answers(server: Any) -> None:
    address = server.site.replace("http", "ws", 1) + "/echo"
    with connect(address, open_timeout=20, close_timeout=20, proxy=None) as websocket:
        websocket.send("hello")
        assert websocket.recv(timeout=20) == "hello"


@pytest.mark.parametrize("project", ["aio_websocket"], indirect=True)
def test_its_page_talks_to_its_websocket(server: Any, tmp_path: Path) -> None:
    try:
        program = find_chromium()
    except ProgramMissingError as reason:
        pytest.skip(str(reason))

    async def look() -> None:
        async with Chromium(program, tmp_path) as browser:
            window = await browser.open(server.site)
            items = "[...document.querySelectorAll('#log li')].map((item) => item.textContent)"
            told = "connected,sent: hello,received: hello,disconnected"
            await window.until(f"{items}.join() == '{told}'")

    asyncio.run(look())
