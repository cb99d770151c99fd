"""Facts that hold for each of the distributions, asked of what a user would install."""

import re
import tomllib
from importlib.metadata import metadata, requires
from pathlib import Path

import pytest

from distributions import read_distributions
from release import next_version, rehearse, tags_of

ROOT = Path(__file__).parent.parent
FOLDERS = {
    "aiopyramid": ROOT / "meta",
    "aiopyramid-asgi": ROOT / "packages/aiopyramid-asgi",
    "aiopyramid-core": ROOT / "packages/aiopyramid-core",
    "aiopyramid-debugtoolbar": ROOT / "packages/aiopyramid-debugtoolbar",
    "aiopyramid-groups": ROOT / "packages/aiopyramid-groups",
    "aiopyramid-gunicorn": ROOT / "packages/aiopyramid-gunicorn",
    "aiopyramid-metrics": ROOT / "packages/aiopyramid-metrics",
    "aiopyramid-sqlalchemy": ROOT / "packages/aiopyramid-sqlalchemy",
    "aiopyramid-traversal": ROOT / "packages/aiopyramid-traversal",
    "aiopyramid-uwsgi": ROOT / "packages/aiopyramid-uwsgi",
    "aiopyramid-websocket": ROOT / "packages/aiopyramid-websocket",
}
EXTRAS = {
    "aiopyramid": {
        *("all", "debugtoolbar", "gunicorn", "metrics", "redis", "sqlalchemy", "testing"),
        *("uvloop", "uwsgi"),
    },
    "aiopyramid-asgi": {"daphne", "granian", "hypercorn", "uvicorn"},
    "aiopyramid-core": {"testing"},
    "aiopyramid-groups": {"redis"},
    "aiopyramid-gunicorn": {"fast", "uvloop"},
    "aiopyramid-metrics": {"opentelemetry", "prometheus"},
    "aiopyramid-sqlalchemy": {"tm"},
    "aiopyramid-uwsgi": {"uvloop", "websocket"},
}
CORE = "aiopyramid-core<2,>=1.0"
# Some are extras of the meta package.
NO_SATELLITES = {
    "aiopyramid",
    "aiopyramid-core",
    "aiopyramid-debugtoolbar",
    "aiopyramid-metrics",
}
SATELLITES = {f"{name}<2,>=1.0" for name in FOLDERS.keys() - NO_SATELLITES}
DEPENDENCIES = {
    "aiopyramid": {CORE, *SATELLITES, "cookiecutter>=2.6"},
    "aiopyramid-asgi": {CORE},
    "aiopyramid-core": {"pyramid>=2.1", "greenlet>=3.1.1"},
    "aiopyramid-debugtoolbar": {CORE, "pyramid-debugtoolbar>=4.12"},
    "aiopyramid-groups": {CORE, "aiopyramid-websocket<2,>=1.0"},
    "aiopyramid-gunicorn": {CORE, "gunicorn>=25.2", "httptools>=0.8"},
    "aiopyramid-metrics": {CORE},
    "aiopyramid-sqlalchemy": {CORE, "sqlalchemy>=2.0.38"},
    "aiopyramid-traversal": {CORE},
    "aiopyramid-uwsgi": {CORE},
    "aiopyramid-websocket": {CORE, "websockets>=16"},
}

DISTRIBUTIONS = read_distributions(ROOT)

each_distribution = pytest.mark.parametrize("name", FOLDERS)


COMPILED = ROOT / "packages/aiopyramid-gunicorn-fast"
"""Compiled, so it is not a member of the workspace, and not released with the others."""


def test_the_table_above_names_every_folder_of_the_workspace() -> None:
    assert {*FOLDERS.values()} == {ROOT / "meta", *(ROOT / "packages").iterdir()} - {COMPILED}


@each_distribution
def test_it_needs_only_what_it_has_a_reason_for(name: str) -> None:
    needed = {entry for entry in requires(name) or () if "extra ==" not in entry}

    assert needed == DEPENDENCIES[name]


@each_distribution
def test_it_has_these_extras(name: str) -> None:
    assert {*(metadata(name).get_all("Provides-Extra") or ())} == EXTRAS.get(name, set())


def test_the_extra_all_needs_neither_a_compiler_nor_a_choice_of_server() -> None:
    needed = {entry for entry in requires("aiopyramid") or () if entry.endswith("'all'")}

    assert needed == {
        "aiopyramid-groups[redis]; extra == 'all'",
        "aiopyramid-gunicorn[uvloop]; extra == 'all'",
        "aiopyramid-sqlalchemy[tm]; extra == 'all'",
        "aiopyramid-uwsgi[uvloop]; extra == 'all'",
    }


@each_distribution
def test_its_classifiers_name_only_pythons_on_which_tox_tests_it(name: str) -> None:
    tested = tomllib.loads((ROOT / "tox.toml").read_text())["env_list"][0]["product"][1]["against"]
    classifiers = "\n".join(metadata(name).get_all("Classifier") or ())

    named = re.findall(r"^Programming Language :: Python :: (3\.\d+)$", classifiers, re.MULTILINE)
    assert {"3.11", "3.12", "3.13"} <= {*named} <= {*tested}


@each_distribution
def test_its_licence_is_the_one_of_the_repository(name: str) -> None:
    assert (FOLDERS[name] / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_each_could_be_released_as_it_is_committed() -> None:
    tags = tags_of(ROOT)
    rehearse(ROOT, {name: next_version(each, tags) for name, each in DISTRIBUTIONS.items()})
