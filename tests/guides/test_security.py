"""docs/guides/security.md: the limits in its table are those of the code."""

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from gunicorn.config import Config

from aiopyramid_core.settings import Settings
from aiopyramid_groups import Group
from aiopyramid_groups.settings import GroupsSettings
from aiopyramid_gunicorn.worker import AsyncGunicornWorker
from aiopyramid_websocket.settings import WebSocketSettings

GUIDE = (Path(__file__).parents[2] / "docs/guides/security.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| [^|]+ \| ([^|]+) \| [^|]+ \| (\w+), `(\w+)`.* \|$", GUIDE, re.MULTILINE)
UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


def default_of(owner: str, name: str) -> Any:
    """Return the default of a setting, whose name in Python may end with its unit."""
    match owner, name:
        case "groups", "limit":
            return inspect.signature(Group.join).parameters["limit"].default
        case "gunicorn", _:
            return Config().settings[name].default
        case "worker", _:
            return getattr(AsyncGunicornWorker, name)
    table = {"core": Settings, "websocket": WebSocketSettings, "groups": GroupsSettings}[owner]
    names = (name, f"{name}_bytes", f"{name}_seconds")
    (default,) = [getattr(table(), each) for each in names if hasattr(table(), each)]
    return default


def test_each_row_of_the_table_is_compared() -> None:
    table = GUIDE.partition("## All limits")[2]
    assert len(ROWS) == table.count("\n| ") - 1 > 20


@pytest.mark.parametrize(("default", "owner", "name"), ROWS, ids=[row[2] for row in ROWS])
def test_a_limit_has_the_default_that_the_table_shows(default: str, owner: str, name: str) -> None:
    number, _, unit = default.partition(" ")
    expected = None if number == "none" else int(number) * UNITS.get(unit, 1)
    assert default_of(owner, name) == expected
