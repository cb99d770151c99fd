"""State that is per thread on other servers, and per request on the event loop.

The coroutine requests of a process take turns on one thread. Code that tells requests apart by
their thread would confuse them.

``scope``
    The scope of a request: a value that distinguishes it from all others in progress.
``threadlocals``
    Pyramid's thread-locals.
``transactions``
    ``transaction.manager``, and commits that do not block the loop.
``shared_sessions``
    Detection of SQLAlchemy sessions that requests share.
``debugtoolbar``, ``newrelic``
    A development tool and an agent that rely on threads.
"""
