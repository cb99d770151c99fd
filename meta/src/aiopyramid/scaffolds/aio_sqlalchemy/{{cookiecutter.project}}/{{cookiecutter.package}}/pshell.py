"""The setup of ``pshell development.ini``: a transaction, and names for the database."""

from typing import Any

from . import models


def setup(env: dict[str, Any]) -> None:
    """Begin a transaction; ``tm.commit()`` commits it, otherwise it is rolled back at the end."""
    request = env["request"]
    request.tm.begin()
    env.update(tm=request.tm, dbsession=request.dbsession, models=models)
