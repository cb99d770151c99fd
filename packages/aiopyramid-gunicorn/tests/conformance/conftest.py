"""HTTP/1.1 to the letter: cases of bytes on a real socket, and what has to come of them.

Each module here has a function ``cases`` that returns a table; every case in it runs

- ``whole``: sent in one piece,
- ``bytewise``: in pieces of one byte, or of many more if it is long, since a parser that keeps
  its place between two pieces wrongly is a way to smuggle,
- ``validated``: with the application behind ``wsgiref.validate``, if it reaches the application.
  Its answers are not lists, so that this is also the run in which bodies are sent in parts.

To find out whether the connection stays open, one more request is sent after the case. Its
answer also tells that the server looks for the next request in the right place.
"""

import asyncio
import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from wsgiref.validate import validator

import pytest

from aiopyramid_gunicorn._http1.limits import Limits

SECONDS = 3.0  # much more than any case takes; one that hangs fails after it
PIECES = 300  # of one case, at most

PROBE = b"GET /probe HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True)
class Seen:
    """A request as the application saw it.

    Attributes:
        method: ``REQUEST_METHOD``.
        path: ``PATH_INFO``.
        body: All of ``wsgi.input``.
        environ: Other entries of the environ that matter; None stands for one that is not there.
    """

    method: str
    path: str
    body: bytes = b""
    environ: dict[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """Bytes to a server, and what has to come of them.

    Attributes:
        name: The behaviour, as a sentence.
        rfc: The RFC and its section that ask for it.
        send: The bytes. Each part after the first is sent when one more answer has come.
        answers: The statuses of all answers, interim ones included, in order.
        seen: The requests that the application sees, in order; no others.
        closes: Whether the server closes the connection by itself.
        half_closes: Whether the client says that it has sent its last byte.
        settings: gunicorn's settings.
        limits: How much the client may send.
        application: The application; by default, one that echoes path and body.
        bodies: The bodies of the answers, if they are not what the echo makes of ``seen``.
        fields: Header fields of the first answer; None stands for one that must not be there.
        fails: Whether the application breaks the rules, which is logged with a traceback.
        validates: Whether the application keeps to the rules of ``wsgiref.validate``.
    """

    name: str
    rfc: str
    send: bytes | tuple[bytes, ...]
    answers: tuple[int, ...]
    seen: tuple[Seen, ...] = ()
    closes: bool = False
    half_closes: bool = False
    settings: dict[str, Any] = field(default_factory=dict)
    limits: Limits | None = None
    application: Any = None
    bodies: tuple[bytes, ...] | None = None
    fields: dict[str, str | None] = field(default_factory=dict)
    fails: bool = False
    validates: bool = True

    @property
    def ways(self) -> list[str]:
        """How to run it."""
        reaches = bool(self.seen) and self.validates and not self.fails
        return ["whole", "bytewise", "validated"] if reaches else ["whole", "bytewise"]


class Cases:
    """The class of the rows of a table; the modules cannot import it."""

    seen = Seen
    limits = Limits

    @staticmethod
    def refused(name: str, rfc: str, send: bytes, status: int = 400, **more: Any) -> Case:
        """One answer, by the server; the connection is closed, the application sees nothing."""
        return Case(name, rfc, send, (status,), closes=True, **more)

    @staticmethod
    def accepted(
        name: str, rfc: str, send: bytes | tuple[bytes, ...], *seen: Seen, **more: Any
    ) -> Case:
        """The application sees these requests and answers each."""
        more.setdefault("answers", (200,) * len(seen))
        return Case(name, rfc, send, seen=seen, **more)

    @staticmethod
    def responded(
        name: str, rfc: str, application: Any, answers: tuple[int, ...] = (200,), **more: Any
    ) -> Case:
        """The application answers a GET request in a way of its own."""
        more.setdefault("send", b"GET /case HTTP/1.1\r\nHost: test\r\n\r\n")
        more.setdefault("seen", (Seen("GET", "/case"),))
        return Case(name, rfc, answers=answers, application=application, **more)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of each case in each way."""
    if "case" not in metafunc.fixturenames:
        return
    cases = metafunc.module.cases(Cases)
    assert len({case.name for case in cases}) == len(cases), "two cases have the same name"
    metafunc.parametrize(
        ("case", "way"),
        [
            pytest.param(case, way, id=f"{case.name} (RFC {case.rfc}) {way}")
            for case in cases
            for way in case.ways
        ],
    )


# --- Answers --------------------------------------------------------------------------------------


@dataclass
class Answer:
    """A response as it came over the wire; not ``complete`` if the connection cut it short."""

    status: int
    fields: dict[str, str]
    body: bytes = b""
    complete: bool = True


STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-9][0-9][0-9]) [\t -~\x80-\xff]*")
FIELD_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): *([\t -~\x80-\xff]*)")
CHUNK = re.compile(rb"([0-9a-f]+)\r\n")


def parse_answers(data: bytes, methods: list[str]) -> list[Answer]:
    """Take all that came over a connection apart, strictly.

    Args:
        data: The bytes.
        methods: The methods of the requests to which they are the answers.
    """
    answers, left = [], iter(methods)
    while data:
        head, end, data = data.partition(b"\r\n\r\n")
        assert end, f"a head without end: {head!r}"
        first, *lines = head.split(b"\r\n")
        status = STATUS_LINE.fullmatch(first)
        assert status, f"no status line: {first!r}"
        pairs = [match.groups() for line in lines if (match := FIELD_LINE.fullmatch(line))]
        assert len(pairs) == len(lines), f"no header field among {lines!r}"
        fields = {name.decode().lower(): value.decode("latin-1") for name, value in pairs}
        answer = Answer(int(status[1]), fields)
        answers.append(answer)
        method = "GET" if answer.status < 200 else next(left, "GET")
        framing = [n for n, _ in pairs if n.lower() in (b"content-length", b"transfer-encoding")]
        assert len(framing) < 2, f"more than one framing: {framing!r}"
        if answer.status < 200 or answer.status == 204:
            assert not framing, f"{answer.status} with {framing!r}"
        elif method == "CONNECT" and answer.status < 300:
            assert not framing, f"a tunnel with {framing!r}"
            answer.body, data = data, b""
        elif method != "HEAD" and answer.status != 304:
            data = _take_body(answer, data)
    return answers


def _take_body(answer: Answer, data: bytes) -> bytes:
    if (length := answer.fields.get("content-length")) is not None:
        answer.body, data = data[: int(length)], data[int(length) :]
        answer.complete = len(answer.body) == int(length)
    elif "transfer-encoding" in answer.fields:
        assert answer.fields["transfer-encoding"] == "chunked"
        answer.complete = False
        while size := CHUNK.match(data):
            length = int(size[1], 16)
            chunk, data = data[size.end() :][:length], data[size.end() + length :]
            answer.body += chunk
            assert not data or data.startswith(b"\r\n"), f"no chunk's end: {data!r}"
            data = data[2:]
            if length == 0:
                answer.complete = True
                break
    else:
        assert answer.fields.get("connection") == "close", "nothing tells where the body ends"
        answer.body, data = data, b""
    return data


# --- The runner -----------------------------------------------------------------------------------


class Echo:
    """Hands a request on to the application of the case, and writes down what was seen."""

    def __init__(self, case: Case) -> None:
        self._application = case.application or echo
        self.requests: list[dict[str, Any]] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        body = environ["wsgi.input"].read(-1)
        self.requests.append({**environ, "body": body})
        application = echo if environ["PATH_INFO"] == "/probe" else self._application
        return application({**environ, "body": body}, start_response)


def echo(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Answer with path and body."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["PATH_INFO"].encode("latin-1"), b"=", environ["body"]]


@pytest.fixture
def conforms(serve: Any) -> Callable[..., Any]:
    """Run a case in one of the ways: ``await conforms(case, way)``."""

    async def conforms(case: Case, way: str) -> None:
        application = Echo(case)
        served = validator(application) if way == "validated" else application
        with complaints() as heard:
            async with serve(served, limits=case.limits, **case.settings) as site:
                data = await asyncio.wait_for(_talk(site, case, way), SECONDS)
                log = site.log
        seen = application.requests
        told = f"\nreceived: {data!r}\nseen: {[r['PATH_INFO'] for r in seen]}\nlog:\n{log}"
        assert not heard, f"{heard}{told}"
        assert ("Traceback" in log) == case.fails, told
        _check_seen(case, seen, told)
        _check_answers(case, parse_answers(data, [r["REQUEST_METHOD"] for r in seen]), told)

    return conforms


async def _talk(site: Any, case: Case, way: str) -> bytes:
    """Send what the case says; return all that came back."""
    parts = (case.send,) if isinstance(case.send, bytes) else case.send
    if not (case.closes or case.half_closes):
        parts = (*parts[:-1], parts[-1] + PROBE)
    client = await site.connect()
    received = bytearray()
    reading = asyncio.create_task(_read(client, received))
    for number, part in enumerate(parts):
        while received.count(b"\r\n\r\n") < number:
            await asyncio.sleep(0.001)
        size = max(1, len(part) // PIECES) if way == "bytewise" else len(part) or 1
        for start in range(0, len(part), size):
            if reading.done() or client.writer.is_closing():
                break
            client.send(part[start : start + size])
            await asyncio.sleep(0)  # the server reads, ...
            await asyncio.sleep(0)  # ... on uvloop one round later
    if case.half_closes and not client.writer.is_closing():
        client.writer.write_eof()
    await reading
    return bytes(received)


async def _read(client: Any, received: bytearray) -> None:
    # A server that has closed resets the connection when the client still sends.
    with contextlib.suppress(ConnectionError):
        while data := await client.reader.read(1 << 16):
            received += data


@contextlib.contextmanager
def complaints() -> Iterator[list[dict[str, Any]]]:
    """Collect what the loop has to complain of, such as exceptions in callbacks."""
    heard: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: heard.append(context))
    yield heard


def _check_seen(case: Case, requests: list[dict[str, Any]], told: str) -> None:
    expected = list(case.seen)
    if not (case.closes or case.half_closes):
        expected.append(Seen("GET", "/probe"))
    seen = [(r["REQUEST_METHOD"], r["PATH_INFO"], r["body"]) for r in requests]
    assert seen == [(s.method, s.path, s.body) for s in expected], told
    for request, wanted in zip(requests, expected, strict=True):
        assert {key: request.get(key) for key in wanted.environ} == wanted.environ, told


def _check_answers(case: Case, answers: list[Answer], told: str) -> None:
    statuses = [answer.status for answer in answers]
    if not (case.closes or case.half_closes):
        assert statuses[-1:] == [200], f"the connection did not stay open{told}"
        assert answers.pop().body == b"/probe="
        statuses.pop()
    assert statuses == list(case.answers), told
    finals = [answer for answer in answers if answer.status >= 200]
    if case.bodies is not None:
        assert [answer.body for answer in finals] == list(case.bodies), told
    elif case.application is None:
        echoed = [
            b"" if s.method == "HEAD" else s.path.encode("latin-1") + b"=" + s.body
            for s in case.seen
        ]
        assert [answer.body for answer in finals[: len(echoed)]] == echoed, told
    for name, value in case.fields.items():
        assert answers[0].fields.get(name.lower()) == value, told
    if case.answers and case.closes and case.answers[-1] >= 400 and not case.application:
        assert answers[-1].fields.get("connection") == "close", told
