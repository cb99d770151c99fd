"""README.md: its code runs, one block after the other; that about tests: ``test_pytest_plugin``."""

import asyncio
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from document_code import code_blocks, run_as_module
from pyramid.config import Configurator
from pyramid.events import NewRequest
from pyramid.response import Response
from webob import Request

from aiopyramid_core import spawn_greenlet
from aiopyramid_core.servers import shutdown, startup

README = Path(__file__).parents[1].joinpath("README.md").read_text(encoding="utf-8")
BLOCKS = code_blocks(README.partition("## Testing")[0])


class World:
    """Stands for what the code speaks of: a database, a share price, the post."""

    def __init__(self):
        self.log = []
        self.pool = None

    async def log_to_database(self, text):
        await asyncio.sleep(0)
        self.log.append(text)

    async def find_user(self, name):
        await asyncio.sleep(0)
        return SimpleNamespace(id=f"id of {name}") if name else None

    async def make_pool(self, url):
        await asyncio.sleep(0)
        self.log.append(f"connected to {url}")
        return self

    async def close(self):
        self.log.append("closed")

    async def send_receipt(self, address):
        await asyncio.sleep(0)
        self.log.append(f"receipt to {address}")

    async def rows(self, request):
        for row in (b"1;2\n", b"3;4\n"):
            await asyncio.sleep(0)
            yield row

    async def subscribe(self, share):
        for price in (10, 11):
            await asyncio.sleep(0)
            yield f"{share} {price}"

    def main(self):
        sys.modules["code_of_document"].audit(None, "main")


@pytest.fixture
def world():
    return World()


@pytest.fixture
def config():
    return Configurator(
        autocommit=True,
        settings={"database": "here"},
        session_factory=lambda request: {"user": request.params.get("user")},
    )


@pytest.fixture
def code(tmp_path, monkeypatch, config, world):
    names = ("log_to_database", "find_user", "make_pool", "send_receipt", "rows", "subscribe")
    given = {name: getattr(world, name) for name in (*names, "main")}
    return run_as_module(BLOCKS, tmp_path, monkeypatch, config=config, Response=Response, **given)


@pytest.fixture
def get(config, code, run):
    """Serve one request, from the startup to the shutdown of the worker, and return the body."""

    def get(path):
        application = config.make_wsgi_app()

        async def main():
            await startup()
            # With the body: event streams end when the application stops.
            text = await spawn_greenlet(lambda: Request.blank(path).get_response(application).text)
            await shutdown()
            return text

        return run(main)

    return get


def test_a_script_calls_synchronized_coroutines(code, world):
    assert world.log == ["the script begins", "main"]


def test_startup_and_shutdown_functions_are_called(config, get, world):
    config.add_view(lambda request: Response())
    del world.log[:]

    get("/")

    assert world.log == ["connected to here", "closed"]


def test_a_coroutine_view_awaits_a_function_that_blocks(config, code, get):
    config.add_view(code.view, renderer="json")

    assert get("/?path=picture") == '{"image": null}'


def test_views_say_where_they_run(config, code, get):
    noted = []
    config.add_subscriber(lambda event: noted.append(threading.get_ident()), NewRequest)

    assert get("/motto").startswith("It lets one process")
    assert get("/report") == "The report is ready."
    on_loop, in_thread = noted
    assert on_loop == threading.get_ident() != in_thread


def test_a_tween_calls_a_coroutine(config, code, get, world):
    config.add_tween("code_of_document.audit_tween_factory")
    config.add_view(lambda request: Response())

    get("/")

    assert world.log[-4:-1] == ["connected to here", "begins", "ends"]


def test_the_methods_of_a_policy_are_coroutines(config, code, get):
    config.set_security_policy(code.Policy())
    config.add_view(lambda request: Response(str(request.authenticated_userid)))

    assert get("/?user=ann") == "id of ann"
    assert get("/") == "None"


def test_an_async_iterator_is_a_response_body(config, code, get):
    config.add_view(code.export)

    assert get("/") == "1;2\n3;4\n"


def test_events_are_sent(config, code, get):
    config.add_route("prices", "/prices/{share}")
    config.add_view(code.prices, route_name="prices")

    assert get("/prices/A") == "event: price\ndata: A 10\n\nevent: price\ndata: A 11\n\n"


def test_a_background_task_is_waited_for_at_the_end(config, code, get, world):
    config.add_view(code.order)

    assert get("/?email=ann") == "Thank you"
    assert world.log[-2:] == ["receipt to ann", "closed"]
