"""HTTP/1.1 without I/O: bytes in, requests out; responses in, bytes out.

Pure: no event loop, no socket. An import contract enforces that (``make lint``).

``head``, ``whole_request``, ``parser``
    Bytes to request heads and bodies, by httptools: first the quick way of most requests.
``limits``
    How much a client may send, and how long it may take.
``proxy_protocol``
    The header that a proxy sends at the beginning of a connection.
``request``, ``environ``, ``peers``
    A complete request, and the WSGI environ built from it; the proxies that may add to it.
``inbound``
    All of the above, for the bytes of one connection.
``response``, ``date``
    The head of a response, and the framing of its body.
``implementation``
    Of what a usual request passes through, the compiled form if it is installed.
"""
