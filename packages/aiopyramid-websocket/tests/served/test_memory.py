"""What is left of a thousand connections in a real worker when they are closed: nothing."""

import collections
import itertools
import json
import socket
import struct
import urllib.request

from server_process import PATIENCE_SECONDS
from websockets.frames import Close, Frame, Opcode

HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
)
HELLO = Frame(Opcode.TEXT, b"hello").serialize(mask=True)
CLOSE = Frame(Opcode.CLOSE, Close(1000, "").serialize()).serialize(mask=True)
BAD = Frame(Opcode.CONT, b"of nothing").serialize(mask=True)


def opened(port):
    """Return a client that has sent a message and has something of the answer."""
    client = socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS)
    client.sendall(HANDSHAKE + HELLO)
    got = b""
    while len(got.partition(b"\r\n\r\n")[2]) < 2:
        got += client.recv(1000)
    assert got.startswith(b"HTTP/1.1 101 ")
    return client


def close_properly(client):
    client.sendall(CLOSE)


def break_the_protocol(client):
    client.sendall(BAD)


def reset(client):
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def vanish(client):
    pass


def alive(served):
    """Return how many objects of each kind the worker has, its garbage not collected."""
    with urllib.request.urlopen(f"http://127.0.0.1:{served.port}/alive") as response:
        return collections.Counter(json.load(response))


def test_a_thousand_connections_leave_nothing_behind(served):
    opened(served.port).close()
    served.until(lambda: alive(served)["Connection"] == 0)
    ways = itertools.cycle([close_properly, break_the_protocol, reset, vanish])
    for _ in range(10):
        clients = [opened(served.port) for _ in range(100)]
        assert alive(served)["Connection"] == 100
        for client, end in zip(clients, ways, strict=False):
            end(client)
            client.close()
        served.until(lambda: not alive(served))
