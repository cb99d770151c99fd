"""_offers: what the application may ask of a connection."""

import asyncio

import pytest

from aiopyramid_core.contract import ON_DISCONNECT, UPGRADE
from aiopyramid_gunicorn._offers import Offers
from aiopyramid_gunicorn.exceptions import ApplicationError


def test_callbacks_are_called_once_when_the_client_goes():
    offers = Offers(None, lambda: False)
    called = []
    offers.environ()[ON_DISCONNECT](lambda: called.append("gone"))
    offers.tell_disconnect()
    offers.tell_disconnect()
    assert called == ["gone"]


def test_a_callback_is_called_soon_if_the_client_has_gone_already():
    async def ask():
        offers = Offers(asyncio.get_running_loop(), lambda: False)
        offers.tell_disconnect()
        called = asyncio.Event()
        offers.on_disconnect(called.set)
        assert not called.is_set()
        await called.wait()

    asyncio.run(ask())


def test_what_was_asked_for_is_forgotten_with_the_exchange():
    offers = Offers(None, lambda: True)
    called = []
    offers.on_disconnect(lambda: called.append("gone"))
    protocol = asyncio.Protocol()
    offers.environ()[UPGRADE](protocol)
    assert offers.forget() is protocol
    assert offers.forget() is None
    offers.tell_disconnect()
    assert called == []


def test_a_request_that_asks_for_no_upgrade_gets_none():
    offers = Offers(None, lambda: False)
    with pytest.raises(ApplicationError, match="without 'Connection: Upgrade'"):
        offers.upgrade(asyncio.Protocol())
    assert offers.successor is None
