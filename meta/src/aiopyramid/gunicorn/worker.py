"""The gunicorn worker, where aiopyramid 0.x had it; new code: ``aiopyramid_gunicorn.worker``."""

from aiopyramid_gunicorn.worker import AsyncGunicornWorker

__all__ = ("AsyncGunicornWorker",)
