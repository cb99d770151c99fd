"""Pyramid on asyncio under uWSGI: to come.

This package has no public name yet. A later release will hold what Pyramid on asyncio needs to
run under uWSGI's asyncio loop.
"""

__all__: tuple[str, ...] = ()
