"""Threads: a pool for synchronous requests, and thread pools for an event loop.

``pool``
    Threads for synchronous requests, each of which runs one from its first line to its last.
``of_process``
    The one such pool of a process.
``waiting_thread``
    A thread that waits for a coroutine can work in the meantime.
``executors``
    Thread pools for ``loop.set_default_executor``.
``results``
    How a result gets from a thread to the event loop.
"""
