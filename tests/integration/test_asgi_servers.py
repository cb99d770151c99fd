"""The error of an ASGI server that is pointed at the application."""

import http.client
import sys

import pytest

WORDS = "A Pyramid application is a WSGI application .* Serve it by a WSGI server.*gunicorn"
SITE = """
from pyramid.config import Configurator

async def hello(request):
    return "Hello"

def main(global_config=None, **settings):
    config = Configurator()
    config.include("aiopyramid_core")
    config.add_view(hello, renderer="string")
    return config.make_wsgi_app()

app = main()
"""

UVICORN = ("uvicorn", "--port", "0")
REFUSING = {
    "uvicorn": (*UVICORN, "site_of_wsgi:app"),
    "uvicorn, given the function that makes the application": (*UVICORN, "site_of_wsgi:main"),
    "granian, by ASGI": ("granian", "--interface", "asgi", "--port", "0", "site_of_wsgi:app"),
    "gunicorn's worker for ASGI": (
        *("gunicorn", "--no-control-socket", "-k", "asgi", "-b", "127.0.0.1:0"),
        "site_of_wsgi:app",
    ),
}


@pytest.fixture
def serve(running, tmp_path):
    """Start a server for a site of its own."""
    (tmp_path / "site_of_wsgi.py").write_text(SITE)
    return lambda *command: running.program(
        [sys.executable, "-W", "ignore", "-m", *command], PYTHONPATH=str(tmp_path)
    )


@pytest.mark.parametrize("server", REFUSING)
def test_a_server_with_a_lifespan_does_not_start_and_says_what_to_do(serve, server):
    process = serve(*REFUSING[server])
    process.ended()
    assert process.popen.returncode != 0
    process.said(WORDS)
    assert "Traceback" not in process.output


def test_without_a_lifespan_each_request_says_it(serve):
    process = serve(*UVICORN, "--lifespan", "off", "site_of_wsgi:app")
    port = int(process.said(r"running on http://127\.0\.0\.1:(\d+)")[1])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/")
    assert connection.getresponse().status == 500
    connection.close()
    process.said(f"NotWSGI: {WORDS}")
