"""Kinto on PostgreSQL: its functional tests, and clients at once that do what these do."""

import shutil
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final
from urllib.parse import quote

import httpx
from postgres_server import postgres_server

from .figures import Figure, http_client, in_parallel
from .scratch import Scratch
from .suites import run_suite
from .ways import Served, Way, serving

REQUIREMENTS: Final = ("kinto[postgresql]~=26.0", "prometheus-client", "requests", "pytest")

_CLIENTS: Final = 8
_RECORDS: Final = 20

_TRIES: Final = 5
"""Of two buckets that are made in the same millisecond Kinto refuses one: "please retry"."""

_DATABASE: Final = "postgresql://postgres:postgres@localhost/testdb"
"""Kinto's tests' own, in their configuration; ours takes its place."""

_SITE: Final = "http://localhost:8888/v1"
"""Where Kinto's tests expect it."""


def functional_tests(scratch: Scratch, way: Way) -> Figure:
    """Kinto's functional tests, against the server that they expect to find."""
    folder = _sources(scratch)
    tests = folder / "functional.py"
    with postgres_server() as sockets, _serving(scratch, way, folder, sockets) as served:
        text = tests.read_text()
        assert _SITE in text, "Kinto's tests have changed: where do they expect the server?"
        tests.write_text(text.replace(_SITE, f"{served.site}/v1"))
        figure = run_suite(scratch.python, folder, "functional.py", in_the_bridge=False).figure
        remarks = (*figure.remarks, *served.complaints())
    return Figure(figure.right, figure.of, figure.seconds, remarks)


def clients(scratch: Scratch, way: Way) -> Figure:
    """Eight users at once, each with a bucket, a collection and records of their own."""
    folder = _sources(scratch)
    with postgres_server() as sockets, _serving(scratch, way, folder, sockets) as served:
        figure = in_parallel(lambda number: _use(f"{served.site}/v1", number), _CLIENTS)
        remarks = (*figure.remarks, *served.complaints())
    return Figure(figure.right, figure.of, figure.seconds, remarks)


def _sources(scratch: Scratch) -> Path:
    """Return a copy of Kinto's tests, to be changed."""
    folder = scratch.fresh("functional")
    for name in ("functional.py", "functional.ini"):
        shutil.copy(scratch.source("kinto") / "tests" / name, folder)
    return folder


def _serving(
    scratch: Scratch, way: Way, folder: Path, sockets: str
) -> AbstractContextManager[Served]:
    ini = folder / "functional.ini"
    text = ini.read_text()
    assert _DATABASE in text, "Kinto's tests have changed: where do they expect the database?"
    database = f"postgresql+psycopg2://postgres@/postgres?host={quote(sockets, safe='')}"
    text = text.replace(_DATABASE, database.replace("%", "%%"))
    text = text.replace("[app:main]\n", f"[app:main]\npyramid.includes = {way.includes}\n")
    ini.write_text(text)
    command = "import sys; from kinto.__main__ import main; sys.exit(main())"
    scratch.run("-c", command, "migrate", "--ini", str(ini), folder=folder)
    return serving(scratch, way, "--paste", str(ini), "--paste-global", "http_port=8888")


def _use(site: str, number: int) -> None:
    """Sign up, make records one by one and in a batch, read, change and delete them."""
    name = f"user{number}"
    with http_client(site) as client:

        def ask(method: str, path: str, status: int, content: object = None) -> httpx.Response:
            for _ in range(_TRIES):
                answer = client.request(method, path, json=content)
                if answer.status_code != 409:
                    break
            assert answer.status_code == status, (
                f"{method} {path}: {answer.status_code} {answer.text[:200]}"
            )
            return answer

        ask("PUT", f"/accounts/{name}", 201, {"data": {"password": "a password"}})
        client.auth = (name, "a password")
        records = f"/buckets/{name}/collections/notes/records"
        ask("PUT", f"/buckets/{name}", 201)
        ask("PUT", f"/buckets/{name}/collections/notes", 201)
        for each in range(_RECORDS // 2):
            ask("PUT", f"{records}/single{each}", 201, {"data": {"number": each}})
        batch = [
            {"method": "PUT", "path": f"/v1{records}/many{each}", "body": {"data": {"number": 1}}}
            for each in range(_RECORDS // 2)
        ]
        answers = ask("POST", "/batch", 200, {"requests": batch}).json()["responses"]
        assert {each["status"] for each in answers} == {201}, f"the batch: {answers}"
        ask("PATCH", f"{records}/single0", 200, {"data": {"changed": True}})
        ask("DELETE", f"{records}/many0", 200)
        found = ask("GET", records, 200).json()["data"]
        assert len(found) == _RECORDS - 1, f"{len(found)} records are there"
        assert sum("changed" in each for each in found) == 1, "the change is not there"
