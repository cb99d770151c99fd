"""capabilities: what the application may ask of a connection."""

import asyncio
import logging
import sys

from aiopyramid_core.contract import ON_DISCONNECT
from aiopyramid_core.servers import Capabilities


def test_callbacks_are_called_once_when_the_client_goes():
    capabilities = Capabilities(None, None)
    called = []
    capabilities.environ()[ON_DISCONNECT](lambda: called.append("gone"))
    capabilities.tell_disconnect()
    capabilities.tell_disconnect()
    assert called == ["gone"]


def test_a_callback_is_called_soon_if_the_client_has_gone_already():
    async def ask():
        capabilities = Capabilities(asyncio.get_running_loop(), None)
        capabilities.tell_disconnect()
        called = asyncio.Event()
        capabilities.on_disconnect(called.set)
        assert not called.is_set()
        await called.wait()

    asyncio.run(ask())


def test_what_was_asked_for_is_forgotten_with_the_exchange():
    capabilities = Capabilities(None, None)
    called = []
    capabilities.on_disconnect(lambda: called.append("gone"))
    protocol = asyncio.Protocol()
    capabilities.upgrade(protocol)
    assert capabilities.forget() is protocol
    assert capabilities.forget() is None
    capabilities.tell_disconnect()
    assert called == []


def test_a_callback_that_fails_is_logged_and_does_not_keep_the_others_from_being_called(caplog):
    capabilities = Capabilities(None, logging.getLogger("test"))
    called = []
    capabilities.on_disconnect(sys.exit)
    capabilities.on_disconnect(lambda: called.append("gone"))
    capabilities.tell_disconnect()
    assert called == ["gone"]
    assert "has failed" in caplog.text
