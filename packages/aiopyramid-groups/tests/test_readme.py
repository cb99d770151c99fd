"""README.md: its code runs, all of it, one block after the other; its table names all settings."""

import dataclasses
import re
from pathlib import Path

import pytest
from document_code import code_blocks
from pyramid.config import Configurator
from pyramid.request import Request
from redis_server import redis_server

from aiopyramid_core import call_in_thread, spawn_greenlet
from aiopyramid_core.lifespan import lifespan_of
from aiopyramid_groups import group_of
from aiopyramid_groups.settings import GroupsSettings
from aiopyramid_websocket.testing import connect

README = Path(__file__).parents[1].joinpath("README.md").read_text(encoding="utf-8")


async def test_the_code_runs(loop_factory, tmp_path):
    config = Configurator()
    names = {"config": config}
    for number, code in enumerate(code_blocks(README)):
        execute(code, tmp_path / f"{number}.py", names)
    config.add_route("chat", "/chat/{id}")
    config.add_route("save", "/save")
    config.add_view(names["chat"], route_name="chat", mapper=names["WebSocketMapper"])
    config.add_view(names["save"], route_name="save", renderer="string")
    application = config.make_wsgi_app()
    async with connect(application, "/chat/1?name=ada") as ada:
        await ada.send("hello")
        assert await ada.recv() == "hello"
        assert await group_of(config.registry, "room:1").members() == ["ada"]
        request = Request.blank("/save")
        response = await spawn_greenlet(request.get_response, application)
        assert response.text == "saved"
        messages, _ = await group_of(config.registry, "news").history()
        assert [message.data for message in messages] == ["saved"]
        feed = await names["feed"](request_of(config.registry, messages[0].id))
        await group_of(config.registry, "news").send("more")
        assert b"data: more" in await anext(feed.app_iter)
        await feed.app_iter.aclose()
    with redis_server() as server:
        await call_in_thread(None, names["in_a_task"], server.url)
        assert server.client().exists("{aiopyramid:news}:stream")
    await lifespan_of(config.registry).stop()


def execute(code, file, names):
    file.write_text(code)  # view_config looks into it
    exec(compile(code, file, "exec"), names)


async def test_the_view_that_replaces_a_consumer_is_a_chat(loop_factory, tmp_path):
    text = Path(__file__).parents[3].joinpath("docs/channels.md").read_text(encoding="utf-8")
    names = {}
    (code,) = code_blocks(text)
    execute(code, tmp_path / "view.py", names)
    config = Configurator()
    config.include("aiopyramid_groups")
    config.add_route("chat", "/{id}")
    config.add_view(names["chat"], route_name="chat", mapper=names["WebSocketMapper"])
    application = config.make_wsgi_app()
    async with connect(application, "/1") as ada, connect(application, "/1") as bob:
        await ada.send("hello")
        assert await ada.recv() == await bob.recv() == "hello"
    await lifespan_of(config.registry).stop()


def request_of(registry, last_event_id):
    request = Request.blank("/feed", headers={"Last-Event-ID": last_event_id})
    request.registry = registry
    return request


def test_the_table_has_all_settings_with_their_defaults():
    rows = dict(re.findall(r"^\| `(\w+)` \| (\S+) \|", README.partition("## Settings")[2], re.M))
    fields = {
        re.sub("(?<!history)_(seconds|bytes)$", "", field.name): field.default
        for field in dataclasses.fields(GroupsSettings)
    }
    fields["url"] = "`memory://`"
    assert rows == {
        name: f"{value:g}" if isinstance(value, float) else str(value)
        for name, value in fields.items()
    }


PAGE = Path(__file__).parents[3].joinpath("docs/groups.md").read_text(encoding="utf-8")
PROMISES = sorted(set(re.findall(r"`([\w/]+\.py)::(\w+)`", PAGE)))


@pytest.mark.parametrize(("file", "name"), PROMISES)
def test_a_test_that_shows_a_guarantee_is_there(file, name):
    source = Path(__file__).parent.joinpath(file).read_text(encoding="utf-8")
    assert re.search(rf"^(async )?def {name}\(|^{name} = ", source, re.M)


@pytest.mark.parametrize("option", ["who", "after", "limit", "slow", "on_resync", "envelope"])
def test_the_table_has_all_options(option):
    assert f"| `{option}` |" in README
