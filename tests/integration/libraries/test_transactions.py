"""Packages that take part in the transactions of ``pyramid_tm``, in coroutine views."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPConflict
from pyramid.response import Response
from pyramid_mailer import get_mailer
from pyramid_mailer.message import Message
from pyramid_zodbconn import get_connection

Get = Callable[..., Response]


@pytest.fixture
def transactions(config: Configurator) -> None:
    config.add_settings({"tm.manager_hook": "pyramid_tm.explicit_manager"})
    config.include("pyramid_tm")


@pytest.mark.usefixtures("transactions")
def test_pyramid_mailer_sends_what_a_committed_request_has_written(
    config: Configurator, get: Get, tmp_path: Path
) -> None:
    queue = tmp_path / "queue"
    config.add_settings({"mail.queue_path": str(queue), "mail.default_sender": "us@localhost"})
    config.include("pyramid_mailer")

    async def view(request: Any) -> Response:
        await asyncio.sleep(0)
        mail = Message(subject="hello", recipients=["ann@localhost"], body="hello")
        get_mailer(request).send_to_queue(mail)
        await asyncio.sleep(0)
        if "fail" in request.params:
            raise HTTPConflict
        return Response("sent")

    config.add_view(view)
    assert get("/").text == "sent"
    assert get("/?fail=yes").status_code == 409
    assert len(list((queue / "new").iterdir())) == 1


@pytest.mark.usefixtures("transactions")
def test_pyramid_zodbconn_gives_each_request_a_connection_of_its_own(
    config: Configurator, get_at_once: Callable[..., list[Response]]
) -> None:
    config.add_settings({"zodbconn.uri": "memory://"})
    config.include("pyramid_zodbconn")

    async def write(request: Any) -> Response:
        root = get_connection(request).root()
        root[request.params["name"]] = request.params["name"]
        await asyncio.sleep(0.01)  # all the others write in the meantime
        if "fail" in request.params:
            raise HTTPConflict
        return Response(" ".join(sorted(root)))

    async def read(request: Any) -> Response:
        await asyncio.sleep(0)
        return Response(" ".join(sorted(get_connection(request).root())))

    config.add_view(write, name="write")
    config.add_view(read, name="read")
    answers = get_at_once("/write?name=ann", "/write?name=bob&fail=yes", "/write?name=eve&fail=yes")
    assert [answer.status_code for answer in answers] == [200, 409, 409]
    assert answers[0].text == "ann"  # and no other's
    (answer,) = get_at_once("/read")
    assert answer.text == "ann"


def test_without_pyramid_tm_so_it_does(
    config: Configurator, get_at_once: Callable[..., list[Response]]
) -> None:
    config.add_settings({"zodbconn.uri": "memory://"})
    config.include("pyramid_zodbconn")

    async def view(request: Any) -> Response:
        connection = get_connection(request)
        connection.root()["name"] = request.params["name"]
        await asyncio.sleep(0.01)
        return Response(connection.root()["name"])

    config.add_view(view)
    answers = get_at_once(*(f"/?name={name}" for name in ("ann", "bob", "eve")))
    assert [answer.text for answer in answers] == ["ann", "bob", "eve"]
