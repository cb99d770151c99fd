"""README.md: its settings switch the panels on, and its promises are kept."""

import configparser
import os
import subprocess
import sys
from pathlib import Path

import pytest
from document_code import code_blocks
from pyramid.response import Response

from aiopyramid_debugtoolbar._blocks import BLOCK_SECONDS
from aiopyramid_debugtoolbar._connections import Connections
from aiopyramid_debugtoolbar._trace import MOST_SPANS

README = Path(__file__).parents[1].joinpath("README.md").read_text(encoding="utf-8")


def test_the_settings_switch_the_panels_on(visit):
    (ini,) = code_blocks(README, "ini")
    parser = configparser.ConfigParser()
    parser.read_string(ini)
    settings = dict(parser["app:main"])
    assert settings.pop("pyramid.includes").split() == ["pyramid_debugtoolbar"]

    async def view(request):
        return Response("done")

    async def use(site):
        await site.get("/")
        return site.traces()

    (trace,) = visit(lambda config: config.add_view(view), use, **settings)
    assert trace.status == 200


def test_the_numbers_are_those_of_the_code():
    assert f"at most {MOST_SPANS} rows" in README
    assert f"more than {BLOCK_SECONDS * 1000:.0f} ms" in README
    assert f"the last {Connections().closed.maxlen} that were closed" in README


FORGETFUL = """\
import asyncio
from pyramid.config import Configurator
from pyramid.response import Response
from webob import Request
from aiopyramid_core import spawn_greenlet


async def fetch():
    pass


async def view(request):
    fetch()
    return Response("done")


async def main():
    config = Configurator()
    config.include("aiopyramid_core")
    config.add_view(view)
    await spawn_greenlet(Request.blank("/").get_response, config.make_wsgi_app())
    print(asyncio.get_running_loop().get_debug())


{run}
"""
RUNS = {"asyncio": "asyncio.run(main())", "uvloop": "import uvloop\nuvloop.run(main())"}


@pytest.mark.parametrize("loop", RUNS)
def test_asyncios_debug_mode_names_the_line_of_a_forgotten_await(tmp_path, loop):
    if loop == "uvloop":
        pytest.importorskip("uvloop")
    program = tmp_path / "forgetful.py"
    program.write_text(FORGETFUL.format(run=RUNS[loop]))
    done = subprocess.run(
        [sys.executable, "-W", "default", program],
        env=os.environ | {"PYTHONASYNCIODEBUG": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "True\n"
    assert "coroutine 'fetch' was never awaited" in done.stderr
    assert f'File "{program}", line 13, in view' in done.stderr
