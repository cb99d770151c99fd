"""The order of tests that use servers which are started once: one server after the other.

If the tests are spread over processes, as ``make test`` does, each process then starts some of the
servers instead of all of them.
"""

from pathlib import Path

import pytest


def group_by_server(items: list[pytest.Item], folder: Path) -> None:
    """Sort the tests of a folder by their parameter ``server`` or ``name``.

    Args:
        items: All tests; sorted in place. Tests of other folders, and those without such a
            parameter, keep their positions.
        folder: The folder.
    """
    places = [at for at, item in enumerate(items) if _server(item) and folder in item.path.parents]
    # The order of the servers, and of the tests of one server, stays what it is.
    order = {_server(items[at]): number for number, at in reversed(list(enumerate(places)))}
    ordered = sorted((items[at] for at in places), key=lambda item: order[_server(item)])
    for at, item in zip(places, ordered, strict=True):
        items[at] = item


def _server(item: pytest.Item) -> str | None:
    params = item.callspec.params if hasattr(item, "callspec") else {}
    return params.get("server", params.get("name"))
