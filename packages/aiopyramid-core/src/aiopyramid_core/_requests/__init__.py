"""Where a request runs, and how it gets there.

A request whose view is a coroutine runs on the event loop, from the request factory to the last
finished callback. A request whose view is synchronous runs in one thread, from beginning to end.

``view_records``, ``route_index``, ``placement``
    Where a request runs: decided from its path, before the request object exists.
``view_deriver``
    Records each view; runs synchronous views off the event loop.
``streamed_bodies``
    Which requests begin before their body is complete.
``report``, ``aioviews``
    The decisions as text, and the command that prints it.
``route_match``
    The route that placement has found, reused by Pyramid.
``execution``
    Wraps the application's execution policy: sends each request where it belongs.
``in_thread``, ``on_behalf``, ``in_server_thread``
    A request in a thread of our pool, in a thread that already waits, and in a server's thread.
``time_limit``, ``out_of_time``
    The time limit of a request in a thread, and the response when it expires.
``foreign_applications``
    WSGI applications that do not reveal where their requests should run.
``router``, ``request_classes``
    Pyramid's router with additions; the class of its requests, derived once.
``wsgi_only``
    The response to servers that call the application over another protocol.
"""
