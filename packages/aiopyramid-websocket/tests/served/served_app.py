"""The Pyramid application that the tests in this folder serve with real gunicorn processes."""

import asyncio
import contextvars
import gc
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path

from pyramid.authorization import Allow, Everyone
from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPGone
from pyramid.response import Response
from pyramid.session import SignedCookieSessionFactory
from pyramid.threadlocal import get_current_request
from pyramid.view import view_config

from aiopyramid_core import await_, call_in_thread, synchronize
from aiopyramid_websocket import WebSocketConnectionView, WebSocketMapper, websocket_config
from aiopyramid_websocket._watch import watch_of

colour = contextvars.ContextVar("colour", default="none")


def say(text):
    """Tell the test, by way of the server's output."""
    print(f"said: {text}", file=sys.stderr, flush=True)


@synchronize
async def slowly(text):
    await asyncio.sleep(0)
    return text


# --- The original's examples, as printed ----------------------------------------------------------


@view_config(route_name="ws", mapper=WebSocketMapper)
def echo(ws):
    while True:
        message = yield from ws.recv()
        if message is None:
            break
        yield from ws.send(message)


class MyWebsocket(WebSocketConnectionView):
    __view_mapper__ = WebSocketMapper


@view_config(route_name="class")
class EchoWebsocket(MyWebsocket):
    def on_message(self, message):
        yield from self.send(message)


# --- What a handler finds -------------------------------------------------------------------------


@websocket_config(route_name="surroundings")
async def surroundings(context, request, ws):
    request.add_finished_callback(lambda request: say(f"handler's callback for {request.path_qs}"))
    assert get_current_request() is request is ws.request
    assert context is ws.context is request.context
    async for message in ws:
        await asyncio.sleep(0)
        assert get_current_request() is request
        await ws.send(
            f"{message} {request.session['name']} {colour.get()} {slowly('synchronized')}"
            f" {request.GET.get('q')}"
        )


@websocket_config(route_name="fails")
async def fails(ws):
    await ws.recv()
    raise LookupError("a bug")


@websocket_config(route_name="returns")
async def returns(ws):
    await ws.send("all")


@websocket_config(route_name="sends_on")
async def sends_on(ws):
    while True:
        await ws.send("x")
        await asyncio.sleep(0.01)


@websocket_config(route_name="forks")
async def forks(ws):
    child = os.fork()
    if child == 0:
        time.sleep(120)
        os._exit(0)
    await ws.send(str(child))


class Stubborn(WebSocketConnectionView):
    """Takes its time when the connection is closed, or forever."""

    async def on_message(self, message):
        self.seconds = float(message)
        await self.send("understood")

    async def on_close(self):
        say(f"closed with {self.ws.close_code}")
        await asyncio.sleep(self.seconds)
        say("has tidied up")


@websocket_config(route_name="limited", max_size=10, subprotocols=["b", "a"], max_connections=1)
async def limited(ws):
    await ws.send(str(ws.subprotocol))
    async for message in ws:
        await ws.send(message)


@websocket_config(route_name="begun")
class Begun:
    """Says where it was made, or that it does not want to be."""

    def __init__(self, request):
        if "away" in request.params:
            raise HTTPGone
        self.task = asyncio.current_task()
        self.loop = asyncio.get_running_loop()

    async def __call__(self, ws):
        await ws.send(f"{self.loop is asyncio.get_running_loop()} {self.task is not None}")


@websocket_config(route_name="parts", subprotocols=["farewell"])
async def parts(ws):
    await ws.close(4001, f"{ws.subprotocol}!")


@websocket_config(route_name="inventory")
async def inventory(ws):
    found = {
        "tasks": len(asyncio.all_tasks()),
        "connections": len(watch_of(ws.request.registry).connections),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "memory": int(Path("/proc/self/statm").read_text().split()[1]) * 4096,
    }
    await ws.send(json.dumps(found))


@websocket_config(route_name="sleeps")
async def sleeps(ws):
    await asyncio.sleep(1000)


@websocket_config(route_name="impatient", ping_interval=0.3, ping_timeout=0.3)
async def impatient(ws):
    await ws.recv()


@websocket_config(route_name="secret", permission="enter")
async def secret(ws):
    await ws.send("entered")


async def admit(request):
    await asyncio.sleep(0)
    if "away" in request.params:
        raise HTTPGone
    request.response.headers["X-Admitted"] = "yes"
    return "admitted"


@websocket_config(route_name="admitted", accept=admit)
async def admitted(ws):
    await ws.send(str(ws.subprotocol))


# --- What is left of connections ------------------------------------------------------------------

OF_A_CONNECTION = {
    "Connection",
    "Inbox",
    "Deflate",
    "Reader",
    "_Protocol",
    "Session",
    "UpgradedConnection",
    "WebSocket",
    "Writer",
}


@view_config(route_name="alive", renderer="json")
async def alive(request):
    """Count the objects of connections, without collecting garbage."""
    return Counter(
        name for each in gc.get_objects() if (name := type(each).__name__) in OF_A_CONNECTION
    )


# --- The application ------------------------------------------------------------------------------


class Root:
    __acl__ = ((Allow, "somebody", "enter"), (Allow, Everyone, "look"))

    def __init__(self, request):
        pass


class Policy:
    def permits(self, request, context, permission):
        return request.params.get("user") == "somebody"


def finished(request):
    say(f"tween's callback for {request.path_qs}")


def tween_factory(handler, registry):
    def tween(request):
        colour.set("blue")
        request.add_finished_callback(
            lambda request: say(f"tween's callback for {request.path_qs}")
        )
        request.session["name"] = "Ann"
        response = handler(request)
        say(f"the tween saw {response.status_code} for {request.path_qs}")
        if "refuse" in request.params:
            return Response("refused by a tween", status=418)
        return response

    return tween


def in_thread_on_demand(application):
    """Run a whole request in a thread if its query string says so, the handler apart."""

    def in_thread(environ, start_response):
        if "in_thread" not in environ["QUERY_STRING"]:
            return application(environ, start_response)
        return await_(call_in_thread(None, application, environ, start_response))

    return in_thread


def main(global_config=None, **settings):
    settings["aiopyramid.shutdown_timeout"] = os.environ.get("SHUTDOWN_TIMEOUT", "10")
    config = Configurator(settings=settings, root_factory=Root)
    config.include("aiopyramid_websocket")
    config.set_session_factory(SignedCookieSessionFactory("secret"))
    config.set_security_policy(Policy())
    config.add_tween("served_app.tween_factory")
    for name in [
        "alive",
        "ws",
        "class",
        "surroundings",
        "fails",
        "returns",
        "sends_on",
        "forks",
        "stubborn",
        "limited",
        "begun",
        "parts",
        "inventory",
        "sleeps",
        "impatient",
        "secret",
        "admitted",
    ]:
        config.add_route(name, f"/{name}")
    config.add_websocket_view(Stubborn, route_name="stubborn")
    config.scan("served_app")
    return in_thread_on_demand(config.make_wsgi_app())
