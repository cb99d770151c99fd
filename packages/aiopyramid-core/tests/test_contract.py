"""contract: what a server of another make has to put into the environ, and what comes of it."""

import asyncio

from pyramid.config import Configurator
from pyramid.response import Response
from webob import Request

from aiopyramid_core import contract, spawn_greenlet
from aiopyramid_core.contract import (
    BODY_IN_MEMORY,
    MESSAGES,
    ON_DISCONNECT,
    ON_HANDLER_END,
    UPGRADE,
)


def test_the_keys_are_fixed():
    # Servers and applications may be of different versions: a change here breaks them silently.
    assert ON_DISCONNECT == "aiopyramid.on_disconnect"
    assert UPGRADE == "aiopyramid.upgrade"
    assert BODY_IN_MEMORY == "aiopyramid.body_in_memory"
    assert MESSAGES == "aiopyramid.messages"
    assert ON_HANDLER_END == "aiopyramid.websocket.on_end"


def test_all_keys_begin_with_the_name_of_the_project():
    keys = [getattr(contract, name) for name in contract.__all__ if name.isupper()]
    assert keys == [BODY_IN_MEMORY, MESSAGES, ON_DISCONNECT, ON_HANDLER_END, UPGRADE]
    assert all(key.startswith("aiopyramid.") for key in keys)


def test_a_server_that_keeps_the_contract_can_have_its_request_cancelled(run):
    async def main():
        waiting = asyncio.Event()

        async def view(request):
            waiting.set()
            await asyncio.get_running_loop().create_future()

        config = Configurator(settings={"aiopyramid.cancel_on_disconnect": "true"})
        config.include("aiopyramid_core")
        config.add_view(view)
        callbacks = []
        request = Request.blank("/", environ={ON_DISCONNECT: callbacks.append})
        task = asyncio.create_task(spawn_greenlet(request.get_response, config.make_wsgi_app()))
        await waiting.wait()
        (callback,) = callbacks
        callback()  # without arguments, on the event loop
        await asyncio.wait([task])
        return task.cancelled()

    assert run(main) is True


def test_the_servers_callable_is_not_called_unless_the_application_asks_for_it(run, application):
    async def view(request):
        return Response("not cancelled")

    async def main():
        callbacks = []
        request = Request.blank("/", environ={ON_DISCONNECT: callbacks.append})
        app = application(lambda config: config.add_view(view))
        response = await spawn_greenlet(request.get_response, app)
        return response.text, callbacks

    assert run(main) == ("not cancelled", [])
