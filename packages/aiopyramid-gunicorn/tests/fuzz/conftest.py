"""What the fuzz tests share: a served application, an exchange of bytes with it, and h11.

h11 is the second opinion: a parser in pure Python that shares no code with ours. It reads the
answers, and says which requests a stream of bytes consists of.
"""

import asyncio
import contextlib
import logging
import os
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import h11
import pytest
from hypothesis import HealthCheck, settings

from aiopyramid_core import await_, call_off_loop

SECONDS = 10.0  # a thousand times what an exchange takes
ALIVE = b"GET /alive HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"

EXAMPLES = int(os.environ.get("AIOPYRAMID_FUZZ_EXAMPLES", "0"))


@pytest.fixture
def profile() -> settings:
    """How much to try: few and always the same examples, or as many new ones as wanted."""
    return settings(
        max_examples=EXAMPLES or 150,
        derandomize=not EXAMPLES,  # a build does not fail for what another change has done
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


# --- The server -----------------------------------------------------------------------------------


class Application:
    """Writes requests down and echoes them, in as many ways as there are to answer."""

    def __init__(self) -> None:
        self.seen: list[tuple[bytes, bytes, bytes]] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        method, target = environ["REQUEST_METHOD"], environ["RAW_URI"]
        body = environ["wsgi.input"].read()
        request = (method.encode(), target.encode("latin-1"), body)
        if target != "/alive":
            self.seen.append(request)
        if method == "CONNECT":
            start_response("405 Method Not Allowed", [])
            return []
        way = zlib.crc32(request[1]) % 4
        if way == 0:
            await_(asyncio.sleep(0))
        elif way == 1:
            call_off_loop(len, body)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return iter(request) if way == 2 else list(request)


class Bench:
    """A server that is talked to from functions that are not coroutines, as hypothesis needs it."""

    def __init__(self, runner: asyncio.Runner, site: Any, application: Application) -> None:
        self._runner = runner
        self._site = site
        self._application = application
        self.complaints: list[str] = []
        self.figures: Counter[str] = Counter()

    def exchange(self, pieces: list[bytes]) -> tuple[bytes, list[tuple[bytes, bytes, bytes]]]:
        """Send pieces of bytes over a new connection, and the end of it.

        Returns:
            All that came back, and the requests that the application saw.
        """
        self._application.seen.clear()
        self.complaints.clear()  # an example does not answer for the one before it
        data = self._runner.run(asyncio.wait_for(self._talk(pieces), SECONDS))
        seen = list(self._application.seen)
        alive = self._runner.run(asyncio.wait_for(self._talk([ALIVE]), SECONDS))
        assert alive.startswith(b"HTTP/1.1 200 OK\r\n"), alive
        assert not self.complaints, "\n".join(self.complaints)
        self.figures["streams"] += 1
        self.figures["requests"] += len(seen)
        return data, seen

    async def _talk(self, pieces: list[bytes]) -> bytes:
        reader, writer = await asyncio.open_connection(*self._site.address)
        received = bytearray()
        reading = asyncio.create_task(_read(reader, received))
        for piece in pieces:
            if reading.done() or writer.is_closing():
                break
            writer.write(piece)
            await asyncio.sleep(0)  # the server reads, ...
            await asyncio.sleep(0)  # ... on uvloop one round later
        if not writer.is_closing():
            with contextlib.suppress(OSError):  # the connection may be gone by now
                writer.write_eof()
        await reading
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        await self._site.until(lambda: not self._site.server.connections)
        return bytes(received)


async def _read(reader: asyncio.StreamReader, received: bytearray) -> None:
    # A server that has closed resets the connection when the client still sends.
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(1 << 16):
            received += data


def _begins_early(environ: dict[str, Any]) -> bool:
    """Let half of the requests begin before their body is complete, which must not show."""
    return zlib.crc32(environ["RAW_URI"].encode("latin-1")) % 8 < 4


@pytest.fixture
def logger(make_logger: Any, tmp_path: Any) -> Any:
    """A logger that does not write down each of many thousand requests."""
    return make_logger(errorlog=str(tmp_path / "gunicorn.log"), loglevel="error")


@pytest.fixture
def bench(
    serve: Any, loop_factory: Any, request: pytest.FixtureRequest, capsys: Any
) -> Iterator[Bench]:
    """A server; any error that is logged or left to the loop is among its complaints."""
    application = Application()
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        serving = serve(application, streams_body=_begins_early)
        bench = Bench(runner, runner.run(serving.__aenter__()), application)
        handler = logging.Handler(logging.ERROR)
        handler.emit = lambda record: bench.complaints.append(handler.format(record))  # type: ignore[method-assign]
        for name in ("gunicorn.error", "asyncio"):
            logging.getLogger(name).addHandler(handler)
        # The loop's own handler logs what is left to it, with a traceback.
        try:
            yield bench
        finally:
            for name in ("gunicorn.error", "asyncio"):
                logging.getLogger(name).removeHandler(handler)
            runner.run(serving.__aexit__(None, None, None))
    if EXAMPLES:
        with capsys.disabled():
            print(f"\n{request.node.name}: {dict(bench.figures)}")


# --- The second opinion ---------------------------------------------------------------------------


class SecondOpinion:
    """h11's view of both directions."""

    # What llhttp lets pass though h11 does not: empty lines, more than one space, two relatives
    # of HTTP. Its conformance cases are elsewhere; here it would only be in the way.
    _LINE = re.compile(rb"[\r\n]*([A-Z-]+) +(\S+) +(?:HTTP|RTSP|ICE)/(1\.[01])\r\n")

    def answers(
        self, data: bytes, methods: list[bytes], last: bytes = b"GET"
    ) -> list[tuple[int, dict[bytes, bytes], bytes]]:
        """Return status, fields and body of all final answers.

        Args:
            data: The bytes that the server has sent.
            methods: The methods of the requests that it answers; after them may be one more
                answer, to something that is not a request, or to one whose body is malformed.
            last: The method of that one. An answer to HEAD has no body, unless the request was
                refused before its method was known.
        """
        found = []
        methods = [*methods, last if data.endswith(b"\r\n\r\n") else b"GET"]
        while data:
            assert methods, f"one answer too many: {data!r}"
            client = h11.Connection(h11.CLIENT)
            head = h11.Request(method=methods.pop(0), target="/", headers=[("Host", "test")])
            client.send(head)
            client.send(h11.EndOfMessage())
            client.receive_data(data)
            status, fields, body = 0, {}, b""
            while type(event := client.next_event()) is not h11.EndOfMessage:
                if isinstance(event, h11.InformationalResponse):
                    status = event.status_code
                elif isinstance(event, h11.Response):
                    status, fields = event.status_code, dict(event.headers)
                elif isinstance(event, h11.Data):
                    body += bytes(event.data)
                elif status == 100:
                    # The client was told to continue, and did not.
                    assert client.trailing_data == (b"", False)
                    return found
                else:
                    client.receive_data(b"")  # raises if the end is not where it says
            found.append((status, fields, body))
            data = client.trailing_data[0]
        return found

    def requests(self, data: bytes) -> list[tuple[bytes, bytes, bytes]]:
        """Return method, target and body of the complete requests before anything malformed."""
        return self._read(data)[0]

    def method(self, data: bytes, number: int) -> bytes:
        """Return the method of a request, which may be the first malformed one; else GET."""
        found, malformed = self._read(data)
        return found[number][0] if number < len(found) else malformed

    def _read(self, data: bytes) -> tuple[list[tuple[bytes, bytes, bytes]], bytes]:
        found = []
        method = b"GET"
        while line := self._LINE.match(data):
            method = line[1]
            data = b"%b %b HTTP/%b\r\n" % line.groups() + data[line.end() :]
            server = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
            server.receive_data(data)
            body = b""
            try:
                head = server.next_event()
                if not isinstance(head, h11.Request):
                    break
                while type(event := server.next_event()) is h11.Data:
                    body += bytes(event.data)
            except h11.RemoteProtocolError:
                break
            if not isinstance(event, h11.EndOfMessage):
                break
            found.append((head.method, head.target, body))
            method = b"GET"
            options = [v for name, v in head.headers if name == b"connection"]
            tokens = {token.strip().lower() for token in b",".join(options).split(b",")}
            if b"close" in tokens or head.method == b"CONNECT":
                break
            if head.http_version == b"1.0" and b"keep-alive" not in tokens:
                break
            data = server.trailing_data[0]
        return found, method


@pytest.fixture
def second_opinion() -> SecondOpinion:
    """The result of parsing bytes with h11."""
    return SecondOpinion()
