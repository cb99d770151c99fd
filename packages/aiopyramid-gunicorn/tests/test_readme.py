"""README.md: its code runs, and so does gunicorn with its settings."""

import asyncio
import contextlib
import re
import shlex
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from document_code import code_blocks, run_as_module
from pyramid.config import Configurator
from server_process import Process

from aiopyramid_core.servers import in_threads
from aiopyramid_gunicorn.worker import AsyncGunicornWorker

README = Path(__file__).parents[1].joinpath("README.md").read_text(encoding="utf-8")
APPLICATION = """
def app(environ, start_response):
    start_response("204 No Content", [])
    return []

def main(global_config):
    return app
"""


def test_its_code_runs_where_an_application_is_made(tmp_path, monkeypatch):
    given = {
        "ThreadPoolExecutor": ThreadPoolExecutor,
        "add_security_headers": lambda application: application.__call__,
        "asyncio": asyncio,
        "config": Configurator(),
    }

    async def main():
        code = run_as_module(code_blocks(README), tmp_path, monkeypatch, **given)
        return code, await asyncio.to_thread(threading.current_thread)

    code, thread = asyncio.run(main())

    assert issubclass(code.Worker, AsyncGunicornWorker)
    assert code.Worker.body_limit_bytes == 50 << 20
    assert in_threads(code.app) is code.app  # and decides for itself, behind the middleware
    assert thread.name.startswith("ThreadPoolExecutor-")  # and not one of asyncio's own


@pytest.fixture
def serves(tmp_path):
    """Start a server in a folder with an application; return whether our worker serves it."""
    (tmp_path / "app.py").write_text(APPLICATION)
    # gunicorn may have a socket in the home folder.
    environment = {"PYTHONPATH": str(tmp_path), "HOME": str(tmp_path)}

    def serves(*command):
        with contextlib.closing(Process([sys.executable, "-m", *command], environment)) as server:
            server.said(r"Listening at: http://127\.0\.0\.1:\d+")
            return server.said("Using worker: (.*)")[1]

    return serves


def test_gunicorn_serves_by_its_command(serves):
    (command,) = re.findall("^    (gunicorn .*)$", README, re.MULTILINE)

    assert serves(*shlex.split(command), "--bind", "127.0.0.1:0").endswith("AsyncGunicornWorker")


def test_pserve_serves_with_its_ini_file(serves, tmp_path):
    (settings,) = code_blocks(README, "ini")
    ini = tmp_path / "development.ini"
    ini.write_text("[app:main]\nuse = call:app:main\n\n" + settings.replace("6543", "0"))

    assert serves("pyramid.scripts.pserve", str(ini)).endswith("AsyncGunicornWorker")
