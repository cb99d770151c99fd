"""A WSGI application on a server with an event loop: what all servers of this project share.

Each server translates at its edge: it fills the environ, and implements a :class:`.Sink`. The rules
in between are here. The modules, in reading order:

``application``
    One call of an application and the way of its body to the client (PEP 3333).
``response``
    What the application passes to ``start_response``, checked, and the length of the body.
``failures``
    How a failed request is logged and answered.
``request_head``
    Checks of the host and of the transfer coding of a request.
``request_body``
    A request's body, kept in memory, then on disk.
``file_wrapper``
    Files as response bodies.
``capabilities``, ``forwarding``
    What a connection offers the application; a connection that another protocol has taken over.
``networks``
    The addresses of trusted proxies, in settings.
``life``, ``collector``
    The event loop of a worker's process, and the end of the process; its garbage collector.
"""
