"""Everything that Pyramid calls may be a coroutine function, and Pyramid gets results.

What the application has written stays as it is. What Pyramid holds of it, in its registry, is
wrapped such that it waits for what it calls.

``awaiting``
    The wrappers: a callable whose result is awaited, whatever its kind.
``registry``, ``table``
    The border: what is registered, for which interface, and how it is wrapped.
``policies``, ``predicates``, ``renderers``, ``collections``, ``session_requests``
    Wrappers for one kind of extension point each.
``request_callbacks``, ``acl``, ``locations``, ``session_helper``, ``traversal``
    Places that Pyramid's registry does not know.
``configuration``, ``committed_before``
    Configuration by coroutines; what was configured before the package was included.
``view_derivers``, ``view_layers``
    The layers of a view, and its decorators.
``cornice``, ``closures``
    A library that calls views itself; functions made by functions.
``failures``
    Exceptions that leave coroutines, as Pyramid expects them.
"""
