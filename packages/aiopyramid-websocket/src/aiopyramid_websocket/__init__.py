"""WebSocket views: to come.

This package has no public name yet. A later release will hold WebSocket views for Pyramid, which
any server package of aiopyramid can serve.
"""

__all__: tuple[str, ...] = ()
