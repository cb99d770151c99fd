"""The compiled form holds nothing of the requests and responses that it has handled."""

import os
import subprocess
import sys

PROGRAM = """
import gc, sys, tracemalloc
from gunicorn.config import Config
from aiopyramid_core.exceptions import ApplicationError, RequestError
from aiopyramid_gunicorn._http1.environ import EnvironSettings, connection_environ
from aiopyramid_gunicorn._http1.implementation import (
    IMPLEMENTATION, Response, WholeRequestReader, build_environ
)

assert IMPLEMENTATION == "compiled"
USUAL = (
    b"POST /a%20b?c HTTP/1.1\\r\\nHost: test\\r\\nAccept: */*\\r\\nContent-Length: 2\\r\\n\\r\\nab"
)
REPEATED = b"GET / HTTP/1.1\\r\\nHost: test\\r\\nHost: test\\r\\n\\r\\n"
BROKEN = b"GET / HTTP/1.1\\r\\nX: a\\rb\\r\\n\\r\\n"
made = EnvironSettings.from_settings(Config(), {"base": object()})
connection = connection_environ(made, ("192.0.2.7", 1234), ("192.0.2.1", 80))
marked = [USUAL, REPEATED, BROKEN, connection["base"], made, connection]
reader = WholeRequestReader(8190, 100, 4094)
fields = [("Content-Type", "text/plain"), ("Content-Length", "5")]

def once():
    for data in (USUAL, REPEATED, BROKEN):
        read = reader.read(data)
        if read is not None:
            try:
                build_environ(read[0], connection, made, trusted=False)
            except RequestError:
                pass
            read[0].lines
    for status in ("200 OK", "nonsense"):
        response = Response("GET", (1, 1), keep_alive=True)
        try:
            response.start(status, fields)
            response.encode_whole(b"hello")
        except ApplicationError:
            pass

def held():
    gc.collect()
    return sys.getallocatedblocks(), [sys.getrefcount(each) for each in marked]

for _ in range(1000):
    once()
before = held()
for _ in range(20_000):
    once()
after = held()
assert after[1] == before[1], (before, after)
assert after[0] - before[0] < 100, (before, after)
"""
"""100,000 requests and responses, usual and unusual."""


def test_nothing_is_left_after_100000_requests_and_responses(fast):
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": fast},
        check=True,
        timeout=120,
    )


def test_a_reader_is_freed_with_its_parser_when_it_is_closed(compiled_request):
    reader = compiled_request.WholeRequestReader(8190, 100, 4094)
    assert reader.read(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n") is not None
    before = sys.getrefcount(reader)
    reader.close()
    assert sys.getrefcount(reader) < before
