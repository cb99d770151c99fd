"""_message_connection: a connection on a server that frames the messages itself."""

import asyncio
import logging

import pytest

from aiopyramid_websocket import (
    AlreadyReceiving,
    Broadcast,
    PingNotSupported,
    WebSocket,
    WebSocketClosed,
)
from aiopyramid_websocket._message_connection import MessageConnection
from aiopyramid_websocket._watch import Watch
from aiopyramid_websocket.settings import WebSocketSettings

pytestmark = pytest.mark.usefixtures("loop_factory")


class Channel:
    """The server's side, which notes what it is told."""

    def __init__(self):
        self.sent = []
        self.closes = []
        self.is_aborted = False
        self.reads = True

    def send(self, message):
        self.sent.append(message)

    def close(self, code, reason):
        self.closes.append((code, reason))

    def abort(self):
        self.is_aborted = True

    def pause_reading(self):
        self.reads = False

    def resume_reading(self):
        self.reads = True


@pytest.fixture
def opened():
    """Open a connection with the given settings."""

    def opened(**settings):
        connection = MessageConnection("chat", WebSocketSettings(**settings), Watch())
        channel = Channel()
        connection.connection_made(channel)
        return connection, channel

    return opened


async def test_messages_go_both_ways(opened):
    connection, channel = opened()
    ws = WebSocket(connection)
    connection.message_received("hello")
    assert await ws.recv() == "hello"
    await ws.send("text")
    await ws.send(bytearray(b"data"))
    assert channel.sent == ["text", b"data"]
    assert ws.subprotocol == "chat"
    connection.connection_lost(1001, "bye")
    assert await ws.recv() is None
    assert (ws.close_code, ws.close_reason) == (1001, "bye")
    with pytest.raises(WebSocketClosed):
        await ws.send("too late")


async def test_fragments_are_joined(opened):
    connection, channel = opened()
    await WebSocket(connection).send(["one ", "two"])
    await WebSocket(connection).send([b"one ", b"two"])
    assert channel.sent == ["one two", b"one two"]
    connection.connection_lost(1000, "")


async def test_a_message_waits_until_the_client_keeps_up_and_a_post_is_not_sent(opened):
    connection, channel = opened()
    ws = WebSocket(connection)
    connection.pause_writing()
    assert not ws.post("now or never")
    waiting = asyncio.create_task(ws.send("later"))
    await asyncio.sleep(0)
    assert channel.sent == []
    connection.resume_writing()
    await waiting
    assert ws.post(Broadcast("to all"))
    assert channel.sent == ["later", "to all"]
    connection.connection_lost(1000, "")
    assert not ws.post("to nobody")


async def test_reading_pauses_while_the_handler_does_not_keep_up(opened):
    connection, channel = opened(max_queue=2)
    connection.message_received("one")
    assert channel.reads
    connection.message_received("two")
    assert not channel.reads
    assert [await connection.receive(), await connection.receive()] == ["one", "two"]
    assert channel.reads
    connection.connection_lost(1000, "")


async def test_a_message_beyond_the_limit_is_not_handed_on(opened):
    connection, channel = opened(max_size_bytes=3)
    connection.message_received("üü")
    assert channel.closes == [(1009, "over 3 bytes")]
    assert await connection.receive() is None
    connection.connection_lost(1009, "")


async def test_a_client_that_does_not_answer_a_close_is_given_up(opened):
    connection, channel = opened(close_timeout_seconds=0.001)
    connection.start_close(4000, "reason")
    await asyncio.sleep(0.01)
    assert connection.deadline < asyncio.get_running_loop().time()
    connection.expire()
    assert channel.is_aborted
    connection.connection_lost(1006, "")
    await connection.wait_lost()
    assert connection.close_status == (4000, "reason")


async def test_a_close_that_cannot_be_sent_is_refused(opened):
    connection, channel = opened()
    for code, reason in [(1006, ""), (999, ""), (1000, "x" * 124)]:
        with pytest.raises(ValueError, match=f"cannot close with code {code}"):
            connection.start_close(code, reason)
    assert channel.closes == []
    connection.connection_lost(1000, "")


async def test_the_end_of_the_server_asks_the_client_to_connect_again(opened):
    connection, channel = opened()
    connection.server_stops()
    connection.server_stops()
    assert channel.closes == [(1012, "the server restarts")]
    connection.connection_lost(1012, "")


async def test_pings_are_the_servers(opened):
    connection, _ = opened()
    with pytest.raises(PingNotSupported, match="the pings by itself"):
        await WebSocket(connection).ping()
    connection.connection_lost(1000, "")


async def test_only_one_task_may_receive(opened):
    connection, _ = opened()
    first = asyncio.create_task(connection.receive())
    await asyncio.sleep(0)
    with pytest.raises(AlreadyReceiving):
        await connection.receive()
    connection.connection_lost(1000, "")
    assert await first is None


async def test_a_handler_that_only_sends_lets_others_run(opened):
    connection, _ = opened()
    turns = []

    async def count():
        while True:
            turns.append(True)
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    for _ in range(20):
        await connection.send(b"x" * (64 << 10))
    counting.cancel()
    assert len(turns) > 10
    connection.connection_lost(1000, "")


async def test_a_connection_that_was_never_opened_is_abandoned():
    told = []
    connection = MessageConnection(
        None, WebSocketSettings(), Watch(), on_abandoned=lambda: told.append("abandoned")
    )
    connection.connection_lost(1006, "")
    assert told == ["abandoned"]


async def test_a_failure_ends_this_connection_only(opened, caplog):
    def fail():
        raise ValueError("on purpose")

    connection = MessageConnection(None, WebSocketSettings(), Watch(), on_open=fail)
    channel = Channel()
    with caplog.at_level(logging.ERROR):
        connection.connection_made(channel)
    assert channel.is_aborted
    assert "has failed and is broken off" in caplog.text
    connection.connection_lost(1006, "")
