"""README.md: its code runs, and its settings are those that there are."""

import re
from importlib.metadata import entry_points, metadata
from pathlib import Path

import pytest
from document_code import code_blocks

from aiopyramid_asgi import PyramidASGI
from aiopyramid_asgi._settings import SETTINGS

README = Path(__file__).parents[1].joinpath("README.md").read_text(encoding="utf-8")


@pytest.mark.usefixtures("loop_factory")
async def test_the_application_and_what_is_made_of_it_answer(fake_server):
    names = {}
    answers = []
    for code in code_blocks(README):
        exec(code, names)
        assert isinstance(names["application"], PyramidASGI)
        answers.append((await fake_server().call(names["application"])).body)
    assert answers == [b"Hello"] * len(code_blocks(README))
    assert "fast" in names
    mounted = await fake_server(path="/api/greeting").call(names["application"])
    assert mounted.body == b'{"greeting":"Hello, None"}'


def test_the_server_in_the_ini_file_is_an_entry_point():
    (ini,) = code_blocks(README, "ini")
    name = re.search(r"use = egg:aiopyramid-asgi#(\w+)", ini)[1]
    (runner,) = entry_points(group="paste.server_runner", name=name).select(
        module="aiopyramid_asgi.runners"
    )
    assert callable(runner.load())


def test_each_setting_is_described():
    assert set(re.findall(r"\| `aiopyramid\.asgi\.(\w+)` \|", README)) == SETTINGS.names


def test_each_server_that_can_be_installed_is_recommended_for_something():
    extras = set(metadata("aiopyramid-asgi").get_all("Provides-Extra"))
    assert set(re.findall(r'\| `"aiopyramid-asgi\[(\w+)\]"` \|', README)) == extras
