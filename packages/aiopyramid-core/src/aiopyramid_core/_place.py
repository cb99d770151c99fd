"""Where a request runs: a value of the settings, of views and of their records."""

import enum
from typing import Any

__all__ = ("Place",)


class Place(enum.Enum):
    """Where a request runs."""

    LOOP = "on the event loop"
    THREAD = "in a thread"

    @classmethod
    def named(cls, name: Any) -> "Place":
        """Return the place for the value of an option, ``loop`` or ``thread``.

        Raises:
            ValueError: The value is neither of them.
        """
        try:
            return cls[str(name).strip().upper()]
        except KeyError:
            raise ValueError(name) from None
