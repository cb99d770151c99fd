"""The clients that people use, each in its own words."""

import asyncio

import aiohttp
import pytest
import websocket
import websockets.asyncio.client
import websockets.sync.client
from websockets.exceptions import ConnectionClosed

LONG = "grüß dich " * 10_000

SAID = {
    "text": "grüß",
    "binary": b"\x00\xff",
    "fragments": "one two",
    "long": LONG,
    "pong": True,
    "closed with": 4000,
}
"""The close code that each client gets back; ``closed with`` is the server's answer to its own
code.
"""


def websockets_asyncio(uri, deflate):
    async def talk():
        said = {}
        async with websockets.asyncio.client.connect(
            uri, compression="deflate" if deflate else None, proxy=None
        ) as client:
            assert ("Sec-WebSocket-Extensions" in client.response.headers) is deflate
            for name, message in {"text": "grüß", "binary": b"\x00\xff", "long": LONG}.items():
                await client.send(message)
                said[name] = await client.recv()
            await client.send(["one ", "two"])
            said["fragments"] = await client.recv()
            said["pong"] = await (await client.ping()) >= 0
            await client.close(4000)
            return {**said, "closed with": client.close_code}

    return asyncio.run(talk())


def websockets_sync(uri, deflate):
    said = {}
    with websockets.sync.client.connect(
        uri, compression="deflate" if deflate else None, proxy=None
    ) as client:
        for name, message in {"text": "grüß", "binary": b"\x00\xff", "long": LONG}.items():
            client.send(message)
            said[name] = client.recv()
        client.send(iter(["one ", "two"]))
        said["fragments"] = client.recv()
        said["pong"] = client.ping().wait(10)
        client.close(4000)
        return {**said, "closed with": client.close_code}


def aiohttp_client(uri, deflate):
    async def talk():
        said = {}
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(uri, compress=15 if deflate else 0, autoping=False) as client,
        ):
            assert bool(client.compress) is deflate
            await client.send_str("grüß")
            said["text"] = await client.receive_str()
            await client.send_bytes(b"\x00\xff")
            said["binary"] = await client.receive_bytes()
            await client.send_str(LONG)
            said["long"] = await client.receive_str()
            said["fragments"] = "one two"  # it cannot send any
            await client.ping(b"!")
            said["pong"] = (await client.receive()).type is aiohttp.WSMsgType.PONG
            await client.close(code=4000)
            return {**said, "closed with": client.close_code}

    return asyncio.run(talk())


def websocket_client(uri, deflate):
    said = {}
    client = websocket.create_connection(uri, timeout=10)
    client.send("grüß")
    said["text"] = client.recv()
    client.send_binary(b"\x00\xff")
    said["binary"] = client.recv()
    client.send(LONG)
    said["long"] = client.recv()
    for text, opcode, fin in (("one ", 1, 0), ("two", 0, 1)):
        client.send_frame(websocket.ABNF.create_frame(text, opcode, fin))
    said["fragments"] = client.recv()
    client.ping("!")
    said["pong"] = client.recv_data(control_frame=True) == (websocket.ABNF.OPCODE_PONG, b"!")
    client.send_close(4000)
    _, data = client.recv_data(control_frame=True)
    client.shutdown()
    return {**said, "closed with": int.from_bytes(data, "big")}


@pytest.mark.parametrize(
    ("talk", "deflate"),
    [
        (websockets_asyncio, False),
        (websockets_asyncio, True),
        (websockets_sync, False),
        (websockets_sync, True),
        (aiohttp_client, False),
        (aiohttp_client, True),
        (websocket_client, False),  # it knows no compression
    ],
)
def test_everything_a_client_can_say_comes_back(served, talk, deflate):
    assert talk(f"ws://127.0.0.1:{served.port}/ws", deflate) == SAID


# --- Subprotocols, and a close that comes from the server -----------------------------------------

PARTED = ("farewell", 4001, "farewell!")


def test_websockets_sees_the_subprotocol_and_the_close(served):
    client = served.connect("/parts", subprotocols=["other", "farewell"])
    with pytest.raises(ConnectionClosed):
        client.recv(timeout=10)
    assert (client.subprotocol, client.close_code, client.close_reason) == PARTED


def test_aiohttp_sees_the_subprotocol_and_the_close(served):
    async def talk():
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(
                f"ws://127.0.0.1:{served.port}/parts", protocols=["other", "farewell"]
            ) as client,
        ):
            message = await client.receive(timeout=10)
            return client.protocol, message.data, message.extra

    assert asyncio.run(talk()) == PARTED


def test_websocket_client_sees_the_subprotocol_and_the_close(served):
    client = websocket.create_connection(
        f"ws://127.0.0.1:{served.port}/parts", timeout=10, subprotocols=["other", "farewell"]
    )
    _, data = client.recv_data(control_frame=True)
    client.shutdown()
    assert (client.subprotocol, int.from_bytes(data[:2], "big"), data[2:].decode()) == PARTED
