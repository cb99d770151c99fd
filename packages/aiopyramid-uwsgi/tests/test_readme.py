"""README.md: its code runs, and so does uWSGI with its settings."""

import asyncio
import contextlib
import os
import re
import shlex
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from document_code import code_blocks, run_as_module
from pyramid.config import Configurator
from pyramid.view import view_config
from server_process import Process
from uwsgi_command import uwsgi_binary_or_skip

README = Path(__file__).parents[1].joinpath("README.md").read_text(encoding="utf-8")
SITE = str(Path(__file__).parent / "site")


def test_its_code_runs_where_an_application_is_made(tmp_path, monkeypatch):
    pytest.importorskip("aiopyramid_websocket")  # an extra
    config = Configurator(autocommit=True)
    config.add_route("feed", "/feed")

    async def main():
        code = run_as_module(
            code_blocks(README),
            tmp_path,
            monkeypatch,
            ThreadPoolExecutor=ThreadPoolExecutor,
            asyncio=asyncio,
            config=config,
            view_config=view_config,
        )
        config.include("aiopyramid_websocket")
        config.scan(code)
        return await asyncio.to_thread(threading.current_thread)

    thread = asyncio.run(main())

    assert thread.name.startswith("ThreadPoolExecutor-")  # and not one of asyncio's own
    assert config.make_wsgi_app() is not None


@pytest.fixture
def serves(tmp_path):
    """Start uWSGI in a folder with an application, and end it."""
    (tmp_path / "app.py").write_text("from served_app import application as app\n")
    environment = {"PYTHONPATH": os.pathsep.join([SITE, str(tmp_path)]), "SETTINGS": "{}"}

    def serves(*options):
        command = [uwsgi_binary_or_skip(), "--home", sys.prefix, *options]
        with contextlib.closing(Process(command, environment)) as server:
            server.said("startup of")
            server.end(signal.SIGTERM)  # die-on-term
            server.said("shutdown of")

    return serves


def test_uwsgi_serves_by_its_command(serves):
    (options,) = re.findall(r"^    uwsgi ((?:.*\\\n)*.*)$", README, re.MULTILINE)

    serves(*shlex.split(options.replace("\\\n", "").replace("6543", "0")))


def test_uwsgi_serves_with_its_ini_file(serves, tmp_path):
    (settings,) = code_blocks(README, "ini")
    ini = tmp_path / "development.ini"
    ini.write_text("[app:main]\nuse = call:served_app:main\n\n" + settings.replace("6543", "0"))

    serves("--ini-paste-logged", str(ini))
