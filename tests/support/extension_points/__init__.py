"""Every place where Pyramid calls an application: the table, of which the documents show a part.

A row is a function that configures an application and returns what the application must answer. It
passes whatever Pyramid is going to call through ``f``, which makes a coroutine function of it or
leaves it alone. So the same row is an application of coroutines and an synchronous one, and the
synchronous one can be asked in plain Pyramid, too.
"""

from . import predicates, requests, security, views
from ._table import (
    EXTENSION_POINTS,
    KINDS,
    ExtensionPoint,
    application,
    ask,
    coroutine,
    hidden,
    main,
    ordinary,
)

__all__ = (
    "EXTENSION_POINTS",
    "KINDS",
    "ExtensionPoint",
    "application",
    "ask",
    "coroutine",
    "hidden",
    "main",
    "ordinary",
    "predicates",
    "requests",
    "security",
    "views",
)
