"""_offers: what the application may ask of a connection."""

import asyncio

from aiopyramid_core.contract import ON_DISCONNECT
from aiopyramid_gunicorn._offers import Offers


def test_callbacks_are_called_once_when_the_client_goes():
    offers = Offers(None, None)
    called = []
    offers.environ()[ON_DISCONNECT](lambda: called.append("gone"))
    offers.tell_disconnect()
    offers.tell_disconnect()
    assert called == ["gone"]


def test_a_callback_is_called_soon_if_the_client_has_gone_already():
    async def ask():
        offers = Offers(asyncio.get_running_loop(), None)
        offers.tell_disconnect()
        called = asyncio.Event()
        offers.on_disconnect(called.set)
        assert not called.is_set()
        await called.wait()

    asyncio.run(ask())


def test_what_was_asked_for_is_forgotten_with_the_exchange():
    offers = Offers(None, None)
    called = []
    offers.on_disconnect(lambda: called.append("gone"))
    protocol = asyncio.Protocol()
    offers.upgrade(protocol)
    assert offers.forget() is protocol
    assert offers.forget() is None
    offers.tell_disconnect()
    assert called == []
