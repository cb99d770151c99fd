"""Keys, scripts and connections, for the Redis engine and the publisher.

``address``
    Where Redis is.
``keys``, ``scripts``
    The names under which everything is stored, and the steps that store it.
``link``
    A connection on which commands are pipelined.
"""
