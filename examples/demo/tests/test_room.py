import asyncio
import json
from typing import Any

import pytest
from aiopyramid_demo import main
from aiopyramid_demo.views.chat import LONGEST_NAME, LONGEST_TEXT, free_name
from pyramid.router import Router
from redis_server import RedisServer, redis_server

from aiopyramid_core.lifespan import lifespan_of
from aiopyramid_websocket.testing import HandshakeRejected, WebSocketClient, connect


async def told(client: WebSocketClient) -> dict[str, Any]:
    """Return what the room sends next."""
    message = await asyncio.wait_for(client.recv(), timeout=10)
    assert isinstance(message, str)
    update: dict[str, Any] = json.loads(message)
    return update


async def lines(client: WebSocketClient, last: str) -> list[dict[str, Any]]:
    """Read on to a line; return all messages with lines that were read."""
    read: list[dict[str, Any]] = []
    while not (read and read[-1]["line"]["text"] == last):
        update = await told(client)
        read += [update] if "line" in update else []
    return read


async def texts(client: WebSocketClient, last: str) -> list[str]:
    """Read on to a line; return all that were read."""
    return [update["line"]["text"] for update in await lines(client, last)]


async def here(client: WebSocketClient) -> list[str]:
    """Ask who is in the room."""
    await client.send("")
    while "here" not in (update := await told(client)):
        pass
    return sorted(update["here"])


def test_a_line_reaches_everybody_and_a_window_that_is_opened_later(app: Router) -> None:
    async def run() -> None:
        async with connect(app, "/chat/socket?name=Ada") as ada:
            async with connect(app, "/chat/socket?name=Bob") as bob:
                await bob.send(" hello ")
                assert "Bob has come in" in await texts(ada, "hello")
                assert "Ada has come in" in await texts(bob, "hello")
                assert await here(ada) == ["Ada", "Bob"]
            assert await texts(ada, "Bob has left") == ["Bob has left"]
            assert await here(ada) == ["Ada"]
            async with connect(app, "/chat/socket?name=Cy") as cy:
                await texts(cy, "hello")

    asyncio.run(run())


def test_a_window_resumes_after_its_last_line(app: Router) -> None:
    async def run() -> None:
        async with connect(app, "/chat/socket?name=Ada") as ada:
            async with connect(app, "/chat/socket?name=Bob") as bob:
                last = (await lines(bob, "Bob has come in"))[-1]["id"]
            await ada.send("missed")
            await texts(ada, "missed")
            async with connect(app, f"/chat/socket?name=Bob&after={last}") as bob:
                assert await told(bob) == {"you": "Bob"}
                assert await texts(bob, "missed") == ["Bob has left", "missed"]
            async with connect(app, "/chat/socket?name=Bob&after=1-1") as bob:
                assert await told(bob) == {"you": "Bob"}
                assert await told(bob) == {"begins": True}

    asyncio.run(run())


def test_everybody_has_a_name_of_their_own(app: Router) -> None:
    async def run() -> None:
        path = "/chat/socket?name=+Ada+Lovelace+"
        async with connect(app, path) as first:
            assert await told(first) == {"you": "Ada Lovelace"}
            await texts(first, "Ada Lovelace has come in")
            async with connect(app, path) as second:
                assert await told(second) == {"you": "Ada Lovelace 2"}
                assert await here(second) == ["Ada Lovelace", "Ada Lovelace 2"]
        async with connect(app, "/chat/socket") as nameless:
            assert await told(nameless) == {"you": "Somebody"}

    asyncio.run(run())


@pytest.mark.parametrize(
    ("message", "code"), [("x" * (4 * LONGEST_TEXT + 1), 1009), (b"\x00", 1003)]
)
def test_a_message_that_is_not_a_short_text_ends_the_connection(
    app: Router, message: str | bytes, code: int
) -> None:
    async def run() -> int | None:
        async with connect(app, "/chat/socket") as client:
            await client.send(message)
            while await client.recv() is not None:
                pass
            return client.close_code

    assert asyncio.run(run()) == code


def test_the_longest_text_that_the_page_lets_through_is_told(app: Router) -> None:
    async def run() -> None:
        async with connect(app, "/chat/socket") as client:
            await client.send("\N{PILE OF POO}" * (LONGEST_TEXT // 2) + "é")
            await texts(client, "\N{PILE OF POO}" * (LONGEST_TEXT // 2) + "é")

    asyncio.run(run())


def test_a_page_of_another_site_cannot_enter(app: Router) -> None:
    async def run() -> int:
        with pytest.raises(HandshakeRejected) as raised:
            async with connect(app, "/chat/socket", headers={"Origin": "https://evil.example"}):
                raise AssertionError
        status: int = raised.value.response.status_code
        return status

    assert asyncio.run(run()) == 403


def test_a_long_name_is_cut() -> None:
    assert free_name("x" * 1000, []) == "x" * LONGEST_NAME


def test_a_line_that_redis_does_not_accept_is_given_back(settings: dict[str, str]) -> None:
    async def run(server: RedisServer) -> None:
        groups = {"aiopyramid.groups.url": server.url, "aiopyramid.groups.send_timeout": "0.1"}
        app = main({}, **settings | groups)
        async with connect(app, "/chat/socket?name=Ada") as ada:
            await texts(ada, "Ada has come in")
            await asyncio.to_thread(server.kill)
            await ada.send("lost?")
            while "failed" not in (update := await told(ada)):
                pass
            assert update["text"] == "lost?"
        await lifespan_of(app.registry).stop()

    with redis_server() as server:
        asyncio.run(run(server))
