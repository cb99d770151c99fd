"""An application made only of the code blocks of aiopyramid 0.x's documentation."""

import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from server_process import Process, ServerProcess
from uwsgi_command import UWSGIProcess, uwsgi_binary_or_skip

BLOCKS = dict(
    re.findall(
        r"^## (.*?)\n\n```\w+\n(.*?)^```$",
        (Path(__file__).parent / "blocks.txt").read_text(),
        re.MULTILINE | re.DOTALL,
    )
)

# Names that the blocks need; "import" in the block of the executor has lost its "asyncio".
CONSTRUCTOR = """
import asyncio

from pyramid.config import Configurator
from pyramid.interfaces import ITraverser
from zope.interface import Interface

from myproject.resources import Root
{imports}

def main(global_config, **settings):
    config = Configurator(settings=settings, root_factory=Root)
    config.include("aiopyramid")
    config.add_route("ws", "/ws")
    config.add_route("stuff", "/stuff")
    config.scan()
{statements}
"""
RESOURCES = """
import asyncio


class MyWebsocketContext:
    pass


class Root:
    def __init__(self, request):
        pass

    def __getitem__(self, name):
        yield from asyncio.sleep(0)
        return {"socket": MyWebsocketContext(), "page": "a page"}[name]
"""
VIEWS = """
import asyncio
import threading

from pyramid.view import view_config


@view_config(context=str, renderer="string")
def page(context, request):
    yield from asyncio.sleep(0)
    return context


@view_config(name="threads", renderer="json")
def threads(request):
    # As many threads as have to meet, or none gets through.
    everybody = threading.Barrier(int(request.params["number"]), timeout=20)
    run = asyncio.get_running_loop().run_in_executor
    met = yield from asyncio.gather(*[run(None, everybody.wait) for _ in range(everybody.parties)])
    return len(met)
"""
STUFF = """
from pyramid.view import view_config

from aiopyramid.websocket.config import WebsocketMapper

{pattern}    yield from ws.send("stuff")
"""
SETTINGS = "[app:main]\nuse = call:myproject:main\n\n"


def in_constructor(blocks: list[str]) -> tuple[str, str]:
    """Return the imports and the statements of these blocks, which belong in the constructor."""
    imports, statements = [], []
    for name in blocks:
        above, below = BLOCKS[name].split("...\n")
        imports.append(above.removeprefix("import\n"))
        statements.append(textwrap.indent(below.lstrip("\n"), "    "))
    return "".join(imports), "".join(statements)


def has_executor(server: str) -> bool:
    """Return whether the application may set its executor while it is loaded.

    pserve loads it before gunicorn has a worker, and from Python 3.14 on there is no loop then.
    """
    return server != "gunicorn" or sys.version_info < (3, 14)


def make_project(folder: Path, server: str) -> None:
    """Write the package ``myproject`` into a folder."""
    package = folder / "myproject"
    package.mkdir()
    blocks = ["Traversal", "The executor", "Closed WebSockets"]
    if not has_executor(server):
        blocks.remove("The executor")
    imports, statements = in_constructor(blocks)
    pattern = BLOCKS["The pattern of a WebSocket view"].replace(
        "mapper=<WebsocketMapper>", 'route_name="stuff", mapper=WebsocketMapper'
    )
    modules = {
        "__init__": CONSTRUCTOR.format(imports=imports, statements=statements),
        "resources": RESOURCES,
        "views": VIEWS,
        "stuff": STUFF.format(pattern=pattern),
        "function": BLOCKS["A function as a WebSocket view"],
        "class_": BLOCKS["A class as a WebSocket view"],
    }
    for name, source in modules.items():
        (package / f"{name}.py").write_text(source)


def on_gunicorn(project: Path) -> ServerProcess:
    ini = project / "gunicorn.ini"
    block = BLOCKS["gunicorn"].replace("0.0.0.0", "127.0.0.1").replace("port = 6543", "port = 0")
    # Otherwise gunicorn opens a socket in the home folder, which that of aiopyramid 0.x did not.
    ini.write_text(f"{SETTINGS}{block}control_socket_disable = true\n")
    command = ["pyramid.scripts.pserve", str(ini)]
    return ServerProcess("pserve", command, {"PYTHONPATH": str(project)})


def on_uwsgi(project: Path) -> UWSGIProcess:
    ini = project / "uwsgi.ini"
    block = BLOCKS["uWSGI"].replace("0.0.0.0:6543", "127.0.0.1:0")
    ini.write_text(f"{SETTINGS}{block}")
    command = [uwsgi_binary_or_skip(), "--home", sys.prefix, "--ini-paste", str(ini)]
    return UWSGIProcess(command, {"PYTHONPATH": str(project)})


SERVERS: dict[str, Callable[[Path], Process]] = {"gunicorn": on_gunicorn, "uwsgi": on_uwsgi}


@pytest.fixture(scope="session", params=SERVERS)
def server(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("original")
    make_project(folder, request.param)
    server = SERVERS[request.param](folder)
    yield server
    server.close()


@pytest.fixture
def server_with_executor(server: Process, request: pytest.FixtureRequest) -> Process:
    """The server, where the application sets its executor while it is loaded."""
    if not has_executor(request.node.callspec.params["server"]):
        pytest.skip("Python 3.14 has no event loop for it before there is a worker")
    return server
