"""Threads: a pool for synchronous requests, and thread pools for an event loop.

``pool``
    Threads for synchronous requests, each of which runs a request from beginning to end.
``thread``
    One such thread.
``of_process``
    The one such pool of a process.
``waiting_thread``
    A thread that waits for a coroutine can run other calls in the meantime.
``executors``
    Thread pools for ``loop.set_default_executor``.
``results``
    Delivery of a result from a thread to the event loop.
"""
