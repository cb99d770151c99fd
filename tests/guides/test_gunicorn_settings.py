"""docs/guides/gunicorn-settings.md: its tables say what gunicorn and the worker say."""

import ast
import re
from pathlib import Path
from typing import Any, ClassVar

import pytest
from gunicorn.config import Config

from aiopyramid_gunicorn._settings import _IGNORED, check_settings
from aiopyramid_gunicorn.exceptions import SettingNotSupported
from aiopyramid_gunicorn.worker import AsyncGunicornWorker

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/guides/gunicorn-settings.md").read_text(encoding="utf-8")

Rows = dict[str, list[str]]
"""The cells of each row of a table, by the first one."""


def rows(text: str) -> Rows:
    cells = (line.strip("|").split(" | ") for line in text.splitlines() if line.startswith("| `"))
    return {first.strip(" `"): [cell.strip() for cell in rest] for first, *rest in cells}


def section(title: str) -> str:
    return re.split(r"^#{2,3} ", GUIDE.split(f"# {title}\n", 1)[1], maxsplit=1, flags=re.M)[0]


TABLES = {title: rows(section(title)) for title in re.findall(r"^### (.+)$", GUIDE, re.MULTILINE)}
ALL = {name: cells for table in TABLES.values() for name, cells in table.items()}
OWN = rows(section("The worker's own"))


def are_said_to_be(status: str) -> set[str]:
    return {name for name, (_, here) in ALL.items() if here.startswith(f"**{status}**")}


def test_each_setting_of_gunicorn_is_in_the_table_of_its_section_and_in_order() -> None:
    expected: dict[str, list[str]] = {}
    for setting in sorted(Config().settings.values(), key=lambda setting: setting.order):
        expected.setdefault(setting.section, []).append(setting.name)
    assert {title: list(table) for title, table in TABLES.items()} == expected


@pytest.mark.parametrize("name", Config().settings)
def test_the_default_is_that_of_gunicorn(name: str) -> None:
    setting = Config().settings[name]
    (written,) = re.fullmatch(r"`?(.*?)`?", ALL[name][0]).groups()  # type: ignore[union-attr]
    if callable(setting.default):
        assert written == "does nothing"
    elif hasattr(setting, "default_doc"):  # it depends on the machine
        assert not ALL[name][0].startswith("`")
    else:
        assert ast.literal_eval(written) == setting.default


def test_each_setting_has_one_of_five_ends() -> None:
    ends = ["as usual", "means", "ignored", "refused", "moot"]
    said = {name for end in ends for name in are_said_to_be(end)}
    assert said == set(ALL) - {"worker_class"}


def test_those_are_said_to_be_ignored_of_which_the_log_says_so() -> None:
    assert are_said_to_be("ignored") == _IGNORED.keys() & Config().settings.keys()


@pytest.mark.parametrize("name", sorted(are_said_to_be("ignored")))
def test_the_reason_is_that_of_the_log(name: str) -> None:
    assert ALL[name][1] == f"**ignored**: {_IGNORED[name]}"


def test_those_are_said_to_be_refused_that_the_worker_looks_at_and_does_not_ignore() -> None:
    looked_at = set()

    class Recorder:
        settings: ClassVar[dict[str, Any]] = {}

        def __getattr__(self, name: str) -> Any:
            looked_at.add(name)
            return getattr(Config(), name)

    list(check_settings(Recorder()))
    assert are_said_to_be("refused") == looked_at


def test_what_to_do_about_a_protocol_is_what_the_worker_says() -> None:
    config = Config()
    config.set("protocol", "uwsgi")
    with pytest.raises(SettingNotSupported) as raised:
        list(check_settings(config))
    assert ALL["protocol"][1].endswith(str(raised.value).partition(": ")[2])


@pytest.mark.parametrize("name", sorted(are_said_to_be("moot") | are_said_to_be("ignored")))
def test_no_module_of_the_worker_reads_what_is_moot_or_ignored(name: str) -> None:
    for module in ROOT.glob("packages/aiopyramid-gunicorn/src/aiopyramid_gunicorn/*.py"):
        assert not re.search(rf"cfg\.{name}\b", module.read_text(encoding="utf-8")), module


def test_the_attributes_of_the_worker_are_all_there_with_their_defaults() -> None:
    written = {name: default.partition(" (")[0].strip("`") for name, (default, _) in OWN.items()}
    in_class = {
        name: getattr(AsyncGunicornWorker, name)
        for name in AsyncGunicornWorker.__annotations__
        if name.endswith(("_bytes", "_seconds", "_second", "_threads"))
    }
    assert {name: eval(default) for name, default in written.items()} == in_class


def test_sizes_are_also_said_in_words() -> None:
    for name, (default, _) in OWN.items():
        if match := re.fullmatch(r"`(\d+) << (\d+)` \((\d+) (KiB|MiB|GiB)\)", default):
            shift = {"KiB": 10, "MiB": 20, "GiB": 30}[match[4]]
            assert int(match[1]) << int(match[2]) == int(match[3]) << shift
        else:
            assert not name.endswith("_bytes")


def test_whatever_is_recommended_exists() -> None:
    recommended = rows(section("Settings for a site")).keys()
    assert recommended
    assert recommended <= ALL.keys() | OWN.keys()
