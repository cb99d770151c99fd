import asyncio
import json
from typing import Any

import pytest
from aiopyramid_demo.room import KEPT, LONGEST_NAME, Room
from aiopyramid_demo.views.chat import LONGEST_TEXT
from pyramid.router import Router

from aiopyramid_websocket.testing import HandshakeRejected, WebsocketClient, connect


async def told(client: WebsocketClient) -> dict[str, Any]:
    """Return what the room sends next."""
    message = await asyncio.wait_for(client.recv(), timeout=10)
    assert isinstance(message, str)
    update: dict[str, Any] = json.loads(message)
    return update


async def texts(client: WebsocketClient, last: str) -> list[str]:
    """Read on to a line; return all that were read."""
    read: list[str] = []
    while last not in read:
        read += [line["text"] for line in (await told(client)).get("lines", [])]
    return read


def test_what_one_says_the_other_reads_and_who_comes_later_as_well(app: Router) -> None:
    async def run() -> None:
        async with connect(app, "/chat/socket?name=Ada") as ada:
            async with connect(app, "/chat/socket?name=Bob") as bob:
                await bob.send(" hello ")
                assert "Bob has come in" in await texts(ada, "hello")
                assert "Ada has come in" in await texts(bob, "hello")
            assert await texts(ada, "Bob has left") == ["Bob has left"]
            async with connect(app, "/chat/socket?name=Cy") as cy:
                await texts(cy, "hello")

    asyncio.run(run())


def test_everybody_has_a_name_of_their_own(app: Router) -> None:
    async def run() -> None:
        path = "/chat/socket?name=+Ada+Lovelace+"
        async with connect(app, path) as first, connect(app, path) as second:
            assert await told(first) == {"you": "Ada Lovelace"}
            assert await told(second) == {"you": "Ada Lovelace 2"}
            assert (await told(second))["here"] == ["Ada Lovelace", "Ada Lovelace 2"]
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


def test_the_latest_lines_are_kept_and_no_more() -> None:
    async def run() -> None:
        room = Room()
        for number in range(KEPT + 10):
            room.say("Ada", str(number))
        update = await anext(room.follow())
        assert [line["text"] for line in update["lines"]] == [
            str(number) for number in range(10, KEPT + 10)
        ]

    asyncio.run(run())


def test_a_slow_window_skips_what_is_kept_no_longer() -> None:
    async def run() -> None:
        room = Room()
        updates = room.follow()
        assert (await anext(updates))["lines"] == []
        for number in range(2 * KEPT):
            room.say("Ada", str(number))
        lines = (await anext(updates))["lines"]
        assert (len(lines), lines[-1]["text"]) == (KEPT, str(2 * KEPT - 1))

    asyncio.run(run())


def test_a_long_name_is_cut() -> None:
    with Room().entered("x" * 1000) as name:
        assert name == "x" * LONGEST_NAME
