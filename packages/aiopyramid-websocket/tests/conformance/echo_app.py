"""The application of the conformance tests."""

from pyramid.config import Configurator


async def echo(ws):
    async for message in ws:
        await ws.send(message)


def main():
    """Return an application that echoes."""
    config = Configurator()
    config.include("aiopyramid_websocket")
    for name, options in {
        "echo": {"max_size": 17 << 20},
        "plain": {"compression": None},
        "small": {"max_size": 1000, "subprotocols": ["second", "first"]},
    }.items():
        config.add_route(name, f"/{name}")
        config.add_websocket_view(echo, route_name=name, **options)
    return config.make_wsgi_app()
