"""Keys, scripts and connections, for the Redis engine and the publisher.

``address``
    Where Redis is.
``keys``, ``slots``, ``scripts``
    The names under which everything is stored; the server of a cluster that has each; and the
    steps that store it.
``link``, ``channels``, ``subscription``
    A connection on which commands are pipelined, and one that is subscribed to channels.
``failures``
    Answers that do not arrive, and refusals.
``node``, ``servers``
    The connections to one server, and all servers.
``clients``
    Connections of synchronous code.
``presence``
    The members that are listed.
"""
