"""HTTP/1.1 to the letter on uvicorn: the cases of aiopyramid-gunicorn's own server.

Each case runs in one piece. After an error of the application the connection may stay open, which
that server closes.
"""

import asyncio
import dataclasses
import importlib.util
import io
import logging
import sys
from pathlib import Path

import pytest
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from aiopyramid_asgi import asgi
from aiopyramid_core.servers import never_blocks

pytestmark = pytest.mark.usefixtures("loop_factory")

TABLES = Path(__file__).parents[2] / "aiopyramid-gunicorn/tests/conformance"
OF_UVICORN = Path(__file__).with_name("conformance_of_uvicorn.txt")
SECONDS = 30.0


def load(path):
    spec = importlib.util.spec_from_file_location(f"conformance_{path.stem}", path)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


RUNNER = load(TABLES / "conftest.py")
CASES = {
    table.stem: {case.name: case for case in load(table).cases(RUNNER.Cases)}
    for table in sorted(TABLES.glob("test_*.py"))
}
UVICORNS = {
    name: what
    for line in OF_UVICORN.read_text().splitlines()
    if line and not line.startswith("#")
    for what, _, name in [line.partition(": ")]
}
"""The cases that are uvicorn's to answer, and what it does."""


async def run(case):
    echo = RUNNER.Echo(case)
    limits = case.limits
    settings = {} if limits is None else {"aiopyramid.asgi.body_limit_bytes": limits.body_bytes}
    config = Config(
        asgi(never_blocks(echo), settings), log_config=None, lifespan="off", access_log=False
    )
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: HttpToolsProtocol(config, state, {}), "127.0.0.1", 0
    )
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    logging.getLogger().addHandler(handler)
    try:
        with RUNNER.complaints() as heard:
            port = server.sockets[0].getsockname()[1]
            data = await asyncio.wait_for(talk(port, case), SECONDS)
    finally:
        logging.getLogger().removeHandler(handler)
        server.close()
    assert not heard
    assert ("Traceback" in log.getvalue()) == case.fails, log.getvalue()
    seen = echo.requests
    if case.closes and case.fails:
        case = dataclasses.replace(case, closes=not data.endswith(b"/probe="))
    RUNNER._check_seen(case, seen, data)
    answers = RUNNER.parse_answers(data, [each["REQUEST_METHOD"] for each in seen])
    RUNNER._check_answers(case, answers, data)


async def talk(port, case):
    """Send the case and one more request, which ends the connection; return all that came back."""
    parts = (case.send,) if isinstance(case.send, bytes) else case.send
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received = bytearray()
    reading = asyncio.create_task(RUNNER._read(_Client(reader), received))
    for number, part in enumerate(parts):
        while received.count(b"\r\n\r\n") < number:
            await asyncio.sleep(0.001)
        writer.write(part)
    if case.half_closes:
        writer.write_eof()
    elif case.fails or not case.closes:
        writer.write(RUNNER.PROBE)
    await reading
    writer.close()
    return bytes(received)


@dataclasses.dataclass
class _Client:
    reader: asyncio.StreamReader


@pytest.mark.parametrize("table", CASES)
async def test_the_cases_of_a_table_that_are_not_uvicorns_to_answer(table):
    failures = {}
    for name, case in CASES[table].items():
        if name not in UVICORNS:
            try:
                await run(case)
            except (AssertionError, TimeoutError) as error:
                failures[name] = error
    assert not failures


def test_the_cases_that_are_uvicorns_to_answer_are_few_and_exist():
    names = {name for table in CASES.values() for name in table}
    assert set(UVICORNS) < names
    assert len(UVICORNS) < len(names) / 7
