"""A Pyramid application inside of the one of `python-socketio`."""

import socketio
from pyramid.config import Configurator
from pyramid.response import Response


async def hello(request):
    return Response("hello")


def main(global_config, **settings):
    with Configurator() as config:
        config.include("aiopyramid_core")
        config.add_route("hello", "/hello")
        config.add_view(hello, route_name="hello")
        application = config.make_wsgi_app()
    transports = settings["transports"].split()
    server = socketio.Server(async_mode="threading", transports=transports)

    @server.event
    def echo(sid, data):
        server.emit("said", data, to=sid)
        return data

    return socketio.WSGIApp(server, application)
