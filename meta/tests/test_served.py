"""The ini file of the documentation of aiopyramid 0.x, but for host and port."""

from collections.abc import Iterator
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest
from server_process import ServerProcess

APPLICATION = """
import asyncio

from pyramid.config import Configurator
from pyramid.response import Response


def view(request):
    yield from asyncio.sleep(0)
    return Response(type(asyncio.current_task()).__name__)


def main(global_config, **settings):
    config = Configurator(settings=settings)
    config.add_view(view)
    return config.make_wsgi_app()
"""
INI = """
[app:main]
use = call:historic_application:main
pyramid.includes =
    aiopyramid

[server:main]
use = egg:gunicorn#main
host = 127.0.0.1
port = 0
worker_class = aiopyramid.gunicorn.worker.AsyncGunicornWorker
control_socket_disable = true
"""

# Straight to this machine, whatever proxy the environment names.
open_url = build_opener(ProxyHandler({})).open


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    (tmp_path / "historic_application.py").write_text(APPLICATION)
    ini = tmp_path / "development.ini"
    ini.write_text(INI)
    command = ["pyramid.scripts.pserve", str(ini)]
    server = ServerProcess("pserve", command, {"PYTHONPATH": str(tmp_path)})
    yield server
    server.close()


def test_pserve_starts_the_worker_by_its_historic_name(server: ServerProcess) -> None:
    with open_url(server.site, timeout=20) as response:
        assert response.read() == b"Task"
