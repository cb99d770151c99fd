"""_upgraded: a connection that was handed to another protocol, over a real pair of sockets."""

import asyncio
import socket

import pytest

from aiopyramid_uwsgi._upgraded import UpgradedConnection


class Recording(asyncio.Protocol):
    def __init__(self):
        self.events = []

    def connection_made(self, transport):
        self.events.append("made")

    def connection_lost(self, error):
        self.events.append("lost")

    def server_stops(self):
        self.events.append("server stops")


@pytest.mark.parametrize(
    ("told", "events"),
    [
        ("before", ["made", "server stops", "lost"]),
        ("while open", ["made", "server stops", "lost"]),
        ("after", ["made", "lost"]),
    ],
)
def test_a_protocol_is_told_that_the_server_stops_while_it_has_a_transport(told, events):
    protocol = Recording()

    async def main():
        connection = UpgradedConnection(protocol)
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        if told == "before":  # the 101 is written, and the transport is being made
            connection.server_stops()
        with theirs:
            await asyncio.get_running_loop().connect_accepted_socket(lambda: connection, ours)
            if told == "while open":
                connection.server_stops()
        async with asyncio.timeout(30):
            await connection._lost
        if told == "after":
            connection.server_stops()

    asyncio.run(main())
    assert protocol.events == events
