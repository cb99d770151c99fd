"""State that other servers keep per thread, kept per request on the event loop.

The coroutine requests of a process take turns on one thread. Code that distinguishes requests by
their thread would take them all for one.

``scope``
    The scope of a request: a value that distinguishes it from all others in progress.
``threadlocals``
    Pyramid's thread-locals.
``transactions``
    ``transaction.manager``, and commits that do not block the loop.
``shared_sessions``
    Notices SQLAlchemy sessions that requests share.
``debugtoolbar``, ``newrelic``
    A development tool and an agent that rely on threads.
"""
