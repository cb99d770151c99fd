"""forwarding: a protocol that has taken a connection over learns what happens to it."""

import pytest

from aiopyramid_core.servers import ForwardingProtocol


class Taken:
    """Writes down what it is told."""

    def __init__(self):
        self.told = []

    def __getattr__(self, name):
        def tell(*args):
            self.told.append((name, *args))
            return f"{name} done"

        return tell


class Forwarding(ForwardingProtocol):
    def lost(self):
        self._protocol.told.append("lost")


def test_all_events_are_passed_on():
    taken = Taken()
    forwarding = Forwarding(taken)
    forwarding.data_received(b"a")
    forwarding.pause_writing()
    forwarding.resume_writing()
    assert forwarding.eof_received() == "eof_received done"
    forwarding.connection_lost(None)
    assert taken.told == [
        ("data_received", b"a"),
        ("pause_writing",),
        ("resume_writing",),
        ("eof_received",),
        ("connection_lost", None),
        "lost",
    ]


def test_the_server_learns_of_the_end_even_if_the_protocol_fails():
    class Failing(Taken):
        def connection_lost(self, exc):
            raise LookupError("a bug")

    taken = Failing()
    with pytest.raises(LookupError):
        Forwarding(taken).connection_lost(None)
    assert taken.told == ["lost"]
