"""Wrappers by which everything that Pyramid calls may be a coroutine function.

The application's own objects are not changed. The registry, from which Pyramid takes them, holds
wrappers that await the results.

``awaiting``
    The wrappers: a callable whose result is awaited, whatever its kind.
``registry``, ``table``
    The interfaces for which the registry wraps components, and the wrapper for each.
``policies``, ``predicates``, ``renderers``, ``collections``, ``session_requests``
    Wrappers for one kind of extension point each.
``request_callbacks``, ``acl``, ``locations``, ``session_helper``, ``traversal``
    Methods that Pyramid calls without looking them up in its registry.
``configuration``, ``committed_before``
    Configuration by coroutines, and components that were configured before the package was
    included.
``view_derivers``, ``view_layers``
    The layers of a view, and its decorators.
``cornice``, ``closures``
    A library that calls views itself; variables of closures.
``failures``
    Exceptions of coroutines, in the form that Pyramid expects.
"""
