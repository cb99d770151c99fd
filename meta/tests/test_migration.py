"""``docs/migration.md``: its code runs, and every name in its first table can be imported."""

import asyncio
import importlib
import pkgutil
import re
import textwrap
from pathlib import Path

import pytest
from pyramid.path import DottedNameResolver
from webob import Request, Response

import aiopyramid
from aiopyramid_core import spawn_greenlet

GUIDE = (Path(__file__).parent.parent.parent / "docs" / "migration.md").read_text()
CODE = re.findall(r"^( *)```python\n(.*?)^\1```$", GUIDE, re.M | re.S)
APPLICATIONS = [code for _, code in CODE if "def main(" in code]
OTHERS = [textwrap.dedent(code) for _, code in CODE if "def main(" not in code]
NAMES = re.findall(r"^\| `(aiopyramid\.[\w.]+)` \| `([\w.]+)` \|", GUIDE, re.M)


@pytest.fixture(params=range(len(APPLICATIONS)))
def application(request, tmp_path, monkeypatch):
    """Each application of the guide, from a module of its own."""
    name = f"application_of_guide_{request.param}"
    (tmp_path / f"{name}.py").write_text(APPLICATIONS[request.param])
    monkeypatch.syspath_prepend(tmp_path)
    return importlib.import_module(name).main({})


def test_an_application_serves_on_an_event_loop(application):
    async def main():
        return await spawn_greenlet(Request.blank("/").get_response, application)

    assert asyncio.run(main()).status_int == 200


def test_an_application_serves_in_a_thread(application):
    assert Request.blank("/").get_response(application).status_int == 200


def test_synchronous_code_awaits_without_switching_greenlets():
    async def fetch_greeting():
        await asyncio.sleep(0)
        return "Hello!"

    (code,) = OTHERS
    names = {"fetch_greeting": fetch_greeting}
    exec(code, names)
    tween = names["greeting_tween_factory"](lambda request: Response(request.greeting), None)

    async def main():
        return await spawn_greenlet(tween, Request.blank("/"))

    assert asyncio.run(main()).text == "Hello!"


@pytest.mark.parametrize(("historic", "today"), NAMES)
def test_a_name_and_its_successor_are_there(historic, today):
    resolve = DottedNameResolver().resolve
    assert callable(resolve(historic))
    assert callable(resolve(today))


def test_the_table_names_all_that_the_historic_modules_offer():
    offered = {"aiopyramid.includeme"}
    for info in pkgutil.walk_packages(aiopyramid.__path__, "aiopyramid."):
        if not info.name.startswith("aiopyramid.scaffolds") and "._" not in info.name:
            names = getattr(importlib.import_module(info.name), "__all__", ())
            offered |= {f"{info.name}.{name}" for name in names}
    assert {historic for historic, _ in NAMES} == offered
