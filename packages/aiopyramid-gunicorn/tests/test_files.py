"""_files: files that the system sends."""

import asyncio
import contextlib
import dataclasses
import os
from collections import Counter

import pytest

from aiopyramid_gunicorn._http1.limits import Times
from aiopyramid_gunicorn._protocol import HTTPProtocol

SIZE = 3_000_000
CONTENT = bytes(range(251)) * (SIZE // 251 + 1)
CONTENT = CONTENT[:SIZE]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    return path


# --- Sent -----------------------------------------------------------------------------------------


class Files:
    """An application that answers with a file, and what became of the file."""

    def __init__(self, path, *fields, status="200 OK"):
        self.path = path
        self.head = (status, list(fields))
        self.opened = 0
        self.closed = 0

    def __call__(self, environ, start_response):
        start_response(*self.head)
        self.opened += 1
        body = environ["wsgi.file_wrapper"](self.path.open("rb"))
        close = body.close

        def count():
            self.closed += 1
            close()

        body.close = count
        return body


def left_open(path):
    """Return what is open: the file, or a socket by more than one descriptor."""
    links = Counter()
    for descriptor in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the one of the listing is gone
            links[os.readlink(f"/proc/self/fd/{descriptor}")] += 1
    sockets = [name for name in links if name.startswith("socket") and links[name] > 1]
    return sockets + [name for name in links if name == str(path)]


@pytest.fixture
def serve_files(serve):
    """Serve them until all have been closed; fail if a descriptor is left, of file or socket."""

    @contextlib.asynccontextmanager
    async def serve_files(application, **options):
        async with serve(application, **options) as site:
            yield site
            await site.until(lambda: application.closed >= application.opened)
            await site.until(lambda: not left_open(application.path))

    return serve_files


@pytest.fixture
def sent(monkeypatch):
    """How much ``os.sendfile`` has sent, call by call."""
    sent = []
    sendfile = os.sendfile

    def record(*args):
        count = sendfile(*args)
        sent.append(count)
        return count

    monkeypatch.setattr(os, "sendfile", record)
    return sent


async def test_a_file_is_sent_by_the_system(serve_files, path, sent):
    async with serve_files(Files(path)) as site:
        answer = await site.get()
    assert answer.headers["content-length"] == str(SIZE)
    assert answer.body == CONTENT
    assert sum(sent) == SIZE


async def test_a_file_goes_out_over_a_unix_socket(serve_files, path, sent):
    async with serve_files(Files(path), unix=True) as site:
        assert (await site.get()).body == CONTENT
    assert sum(sent) == SIZE


async def test_answers_to_pipelined_requests_stay_in_order(serve_files, path, sent):
    async with serve_files(Files(path)) as site:
        client = await site.connect()
        for _ in range(3):
            client.get()
        for _ in range(3):
            assert (await client.answer()).body == CONTENT
    assert sum(sent) == 3 * SIZE


async def test_a_file_does_not_overtake_the_answer_before_it(serve_files, path, monkeypatch):
    def look_and_send(*args):
        (connection,) = site.server.connections
        unsent.append(connection._transport.get_write_buffer_size())
        return sendfile(*args)

    class AfterAnother(Files):
        def __call__(self, environ, start_response):
            if environ["PATH_INFO"] == "/first":
                start_response("200 OK", [])
                return [before]
            return super().__call__(environ, start_response)

    before, unsent, sendfile = b"a" * 60_000, [], os.sendfile
    monkeypatch.setattr(os, "sendfile", look_and_send)
    async with serve_files(AfterAnother(path), send_buffer_bytes=4096) as site:
        client = await site.connect(slow=True)
        client.get("/first")
        client.get("/file")
        assert (await client.answer()).body == before
        assert (await client.answer()).body == CONTENT
    assert set(unsent) == {0}


async def test_the_loop_does_not_watch_the_socket_any_longer(serve_files, path, monkeypatch):
    def resume_writing(self):
        calls.append(self)
        resume(self)

    calls, resume = [], HTTPProtocol.resume_writing
    monkeypatch.setattr(HTTPProtocol, "resume_writing", resume_writing)
    async with serve_files(Files(path), send_buffer_bytes=4096) as site:
        client = await site.connect()
        client.get()
        assert (await client.answer()).body == CONTENT
        await site.until(lambda: site.server.handled)
        assert calls
        calls.clear()
        await asyncio.sleep(0.005)
    assert calls == []


async def test_with_sendfile_off_files_are_read(serve_files, path, sent):
    async with serve_files(Files(path)) as site:
        site.server.settings = dataclasses.replace(site.server.settings, sends_files=False)
        assert (await site.get()).body == CONTENT
    assert sent == []


async def test_no_more_is_sent_than_the_content_length_says(serve_files, path, sent):
    async with serve_files(Files(path, ("Content-Length", "1000000"))) as site:
        client = await site.connect()
        client.get()
        assert (await client.answer()).body == CONTENT[:1_000_000]
        client.get()
        assert (await client.answer()).body == CONTENT[:1_000_000]


async def test_a_file_shorter_than_its_content_length_closes_the_connection(serve_files, path):
    async with serve_files(Files(path, ("Content-Length", str(SIZE + 1)))) as site:
        client = await site.connect()
        client.get()
        with pytest.raises(asyncio.IncompleteReadError):
            await client.answer()
        await site.until(lambda: "of Content-Length" in site.log)


@pytest.mark.parametrize(
    ("method", "status"),
    [("HEAD", "200 OK"), ("GET", "304 Not Modified"), ("GET", "204 No Content")],
)
async def test_nothing_of_the_file_is_sent_where_there_is_no_body(
    serve_files, path, sent, method, status
):
    async with serve_files(Files(path, status=status)) as site:
        assert (await site.get(method=method)).body == b""
    assert sent == []


async def test_slow_clients_hold_no_threads(serve_files, path):
    async with serve_files(Files(path), send_buffer_bytes=4096) as site:
        clients = [await site.connect(slow=True) for _ in range(100)]
        for client in clients:
            client.get()
        await site.until(lambda: len([c for c in site.server.connections if c.flow.full]) == 100)
        # More than there are threads; all of them wait on the event loop.
        assert (await site.get()).body == CONTENT
        for client in clients:
            client.vanish()


async def test_a_client_that_goes_on_reading_may_take_its_time(serve_files, path):
    async with serve_files(Files(path), send_buffer_bytes=200_000) as site:
        client = await site.connect(slow=True)
        client.get()
        body = (await client.reader.readuntil(b"\r\n\r\n"))[:0]
        for _ in range(3):
            await site.until(lambda: [c for c in site.server.connections if c.flow.full])
            # Too little for the system to ask for more.
            body += await client.reader.readexactly(20_000)
            site.pass_time(61)
        body += await client.reader.readexactly(SIZE - len(body))
    assert body == CONTENT


# --- Closed, once, however it ends ----------------------------------------------------------------


async def vanishes(site, client):
    client.vanish()


async def gives_up(site, client):
    (connection,) = site.server.connections
    connection.give_up()


async def reads_nothing(site, client):
    await site.until(lambda: site.pass_time(61) or not site.server.connections)


async def drains(site, client):
    await site.server.drain(0)


@pytest.mark.parametrize("happens", [vanishes, gives_up, reads_nothing, drains])
async def test_a_file_is_closed_exactly_once_though_the_client(serve_files, path, happens):
    application = Files(path)
    times = Times(head_seconds=30, body_seconds=30, keep_alive_seconds=30)
    async with serve_files(application, times=times, send_buffer_bytes=4096) as site:
        client = await site.connect(slow=True)
        client.get()
        await site.until(lambda: [c for c in site.server.connections if c.flow.full])
        await happens(site, client)
        await site.until(lambda: site.server.handled)
        await asyncio.sleep(0.005)
        assert "Traceback" not in site.log
    assert application.closed == 1


async def test_a_file_is_closed_exactly_once_though_its_head_is_malformed(serve_files, path, sent):
    application = Files(path, ("X", "a\r\nb"))
    async with serve_files(application) as site:
        assert (await site.get()).status == 500
    assert application.closed == 1
    assert sent == []
