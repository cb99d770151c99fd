"""Where a request runs, and how it gets there.

A request whose view is a coroutine runs on the event loop, from the request factory to the last
finished callback. One whose view is synchronous runs in one thread, just as wholly.

``view_records``, ``route_index``, ``placement``
    Where a request runs: decided from its path, before there is a request.
``view_deriver``
    Takes note of each view; runs synchronous ones off the event loop.
``report``, ``aioviews``
    The decisions as text, and the command that prints it.
``route_match``
    The route that was found on the way, for Pyramid.
``execution``
    Around the application's execution policy: sends each request where it belongs.
``in_thread``, ``on_behalf``, ``in_server_thread``
    A request in a thread of ours, in one that waits already, and in one of the server's.
``time_limit``, ``out_of_time``
    The time limit of a request in a thread, and the answer when it is over.
``foreign_applications``
    WSGI applications of which it is not known where their requests run.
``wsgi_only``
    The answer to servers that call the application by another protocol.
"""
