"""ASGI applications below a route of a Pyramid application, on any server.

``config.add_asgi_app`` makes a route with a view for HTTP and one for WebSockets. The modules:

``scope``
    The description of a request as the mounted application gets it.
``call``
    One call of the application, in a Task of its own.
``http``
    One HTTP request: its body for the application, and the application's response for Pyramid.
``websocket``
    One WebSocket, of which the application decides before the handshake is answered.
``lifespan``
    The start and the end of the application, in one Task.
"""
