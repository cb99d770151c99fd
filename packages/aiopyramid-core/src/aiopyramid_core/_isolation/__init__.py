"""State that is kept per thread elsewhere, kept per request on the event loop.

The coroutine requests of a process take turns on one thread. Whatever tells requests apart by their
thread would take them all for one.

``scope``
    What is one per request: a value that tells it from all others under way.
``threadlocals``
    Pyramid's thread-locals.
``transactions``
    ``transaction.manager``, and commits that do not block the loop.
``shared_sessions``
    Notices SQLAlchemy sessions that requests share.
``debugtoolbar``, ``newrelic``
    A development tool and an agent that rely on threads.
"""
