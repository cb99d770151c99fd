"""The path of a usual request in the form that is installed: compiled, or in pure Python.

The compiled form is that of ``aiopyramid-gunicorn-fast``. It does what ``whole_request``,
``environ`` and ``response`` do, and leaves to them whatever is not usual.
"""

import importlib
from typing import Any, Final

from .environ import build_environ
from .response import Response
from .whole_request import WholeRequestReader

__all__ = (
    "IMPLEMENTATION",
    "MISMATCH",
    "Response",
    "WholeRequestReader",
    "build_environ",
    "mismatch_with",
)

_COMPILED: Final = "aiopyramid_gunicorn_fast"

_INTERFACE: Final = 1
"""The number of the interface between this package and its compiled form; raised with a change."""


_REMEDY: Final = (
    "run 'pip install --upgrade \"aiopyramid-gunicorn[fast]\"', or uninstall"
    " aiopyramid-gunicorn-fast"
)


def mismatch_with(interface: object) -> str | None:
    """Return what is wrong with a compiled form, and what to do; None if it fits.

    Args:
        interface: The number of the interface for which it was made.
    """
    if interface == _INTERFACE:
        return None
    return (
        f"the installed aiopyramid-gunicorn-fast was made for another version of"
        f" aiopyramid-gunicorn (interface {interface}, expected {_INTERFACE}): {_REMEDY}"
    )


def _installed() -> Any:
    try:
        return importlib.import_module(_COMPILED)
    except ModuleNotFoundError as error:
        if error.name != _COMPILED:
            raise
        return None


def _modules() -> tuple[Any, Any, str | None]:
    """Return the modules of the compiled form, or why they cannot be used although installed."""
    package = _installed()
    if package is None:
        return None, None, None
    # A folder without modules can be imported, too: one that is left of a package that is gone.
    mismatch = mismatch_with(getattr(package, "INTERFACE", None))
    if mismatch is None:
        try:
            requests = importlib.import_module(f"{_COMPILED}._request")
            return requests, importlib.import_module(f"{_COMPILED}._response"), None
        except ImportError as error:  # of another core, or compiled for another Python
            mismatch = f"the installed aiopyramid-gunicorn-fast cannot be used, {error}: {_REMEDY}"
    return None, None, mismatch


_request, _response, MISMATCH = _modules()
"""``MISMATCH``: why the compiled form cannot be used although it is installed; otherwise None."""

IMPLEMENTATION: Final = "pure Python" if _request is None else "compiled"
"""The form in use, for the log."""

if _request is not None:
    WholeRequestReader = _request.WholeRequestReader  # type: ignore[misc]
    build_environ = _request.build_environ
    Response = _response.Response  # type: ignore[misc]
