"""The nginx and gunicorn configurations of ``docs/tutorial.md`` do what the tutorial says of them.

nginx is a real one. Each test has the files of the tutorial; what it changes in them, it says.
"""

import asyncio
import contextlib
import http.client
import json
import re
import signal
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import reader
from certificates import make_certificate
from chromium import Chromium, find_chromium
from counting_load import Account, CountingLoad
from reader import Reader
from server_process import PATIENCE_SECONDS
from system_programs import ProgramMissingError, find_program
from websockets import ConnectionClosedError, InvalidStatus, Origin
from websockets.asyncio.client import connect

TUTORIAL = Path(__file__).parent.parent / "docs" / "tutorial.md"
PROXIED = "proxied_app:main()"
BOARD = "nginx/board.conf"

Start = Callable[..., Reader]


@pytest.fixture(scope="module", autouse=True)
def nginx() -> None:
    try:
        find_program("nginx", package="nginx", elsewhere=["usr/sbin/nginx"])
    except ProgramMissingError as missing:
        pytest.skip(str(missing))


def serve(site: Reader, application: str, changes: dict[str, tuple[str, str]]) -> Reader:
    """Start gunicorn and nginx as the tutorial does, but for some lines of the files."""
    site.write_files(TUTORIAL)
    site.environment["PYTHONPATH"] = str(Path(reader.__file__).parent)
    for name, (old, new) in changes.items():
        text = (site.folder / name).read_text()
        assert site.here(old) in text
        (site.folder / name).write_text(text.replace(site.here(old), site.here(new)))
    certificate, _ = make_certificate(site.folder / "nginx", "board")
    Path(certificate).rename(site.folder / "nginx/board.crt")
    site.do(f'gunicorn --pid gunicorn.pid "{application}"')
    site.do("nginx -e stderr -p . -c nginx/nginx.conf")
    return site


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start an application behind nginx: ``start("app:main()", {file: (old, new)})``."""
    with Reader(tmp_path) as site:
        yield lambda application, changes: serve(site, application, changes)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """One for all tests that need no change."""
    with Reader(tmp_path_factory.mktemp("site")) as site:
        yield serve(site, PROXIED, {})


def url(site: Reader, path: str, scheme: str = "http") -> str:
    return f"{scheme}://127.0.0.1:{site.stands_for['8080']}{path}"


def get(site: Reader, path: str, port: str = "8080", **headers: str) -> tuple[int, bytes]:
    """Return status and body of a request from another address than that of nginx."""
    place = ("127.0.0.1", int(site.stands_for[port]))
    source = ("127.0.0.2", 0)
    if port == "8443":
        tls = ssl.create_default_context(cafile=str(site.folder / "nginx/board.crt"))
        client: Any = http.client.HTTPSConnection(*place, source_address=source, context=tls)
    else:
        client = http.client.HTTPConnection(*place, source_address=source)
    with contextlib.closing(client):
        client.request("GET", path, headers=headers)
        response = client.getresponse()
        return response.status, response.read()


def seen(site: Reader, path: str = "/seen", port: str = "8080", **headers: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(get(site, path, port, **headers)[1])
    return answer


# --- What the application sees --------------------------------------------------------------------


@pytest.mark.parametrize(("scheme", "port"), [("http", "8080"), ("https", "8443")])
def test_scheme_host_and_address_are_those_that_the_client_used(
    site: Reader, scheme: str, port: str
) -> None:
    told = seen(site, port=port)
    assert told["url"] == f"{scheme}://127.0.0.1:{site.stands_for[port]}/seen"
    assert told["client"] == "127.0.0.2"


def test_they_are_the_same_when_gunicorn_is_on_a_unix_socket(start: Start) -> None:
    changes = {
        "gunicorn.conf.py": ('"127.0.0.1:6543"', '"unix:gunicorn.sock"'),
        BOARD: ("server 127.0.0.1:6543", "server unix:gunicorn.sock"),
    }
    site = start(PROXIED, changes)
    told = seen(site, port="8443")
    assert told["url"] == f"https://127.0.0.1:{site.stands_for['8443']}/seen"
    assert told["client"] == "127.0.0.2"


def test_what_a_client_says_of_itself_does_not_reach_the_application(site: Reader) -> None:
    fields = {"For": "192.0.2.1", "Proto": "https", "Host": "other.example"}
    told = seen(site, **{f"X-Forwarded-{name}": value for name, value in fields.items()})
    assert told["client"] == "127.0.0.2"
    assert told["url"] == url(site, "/seen")


def test_the_line_that_is_often_seen_lets_clients_choose_their_address(start: Start) -> None:
    site = start(PROXIED, {BOARD: ("$remote_addr", "$proxy_add_x_forwarded_for")})
    assert seen(site, **{"X-Forwarded-For": "192.0.2.1"})["client"] == "192.0.2.1"


def test_a_path_arrives_as_it_was_sent(site: Reader) -> None:
    path = "/seen/a%2Fb//c%20d?e=%20f"
    assert seen(site, path)["path"] == path


def test_clients_share_a_connection_to_gunicorn(site: Reader) -> None:
    assert len({seen(site)["connection"] for _ in range(5)}) == 1


# --- Streams --------------------------------------------------------------------------------------


async def first_part_comes(site: Reader, path: str, *, within: float = PATIENCE_SECONDS) -> bool:
    """Return whether the first part of a response arrives before the next one is made."""
    arrived = asyncio.Event()

    async def read(session: aiohttp.ClientSession) -> bytes:
        async with session.get(url(site, path)) as response:
            first = await response.content.readany()
            arrived.set()
            return first + await response.content.read()

    async with aiohttp.ClientSession(headers={"Accept-Encoding": "gzip"}) as session:
        reading = asyncio.create_task(read(session))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(arrived.wait(), within)
        comes = arrived.is_set()
        async with session.get(url(site, "/more")):
            assert re.search(b"one.*two", await reading, re.DOTALL)
    return comes


@pytest.mark.parametrize("path", ["/events", "/parts"])
def test_a_part_of_a_response_arrives_before_the_next_one_is_made(site: Reader, path: str) -> None:
    assert asyncio.run(first_part_comes(site, path))


HTTP = "proxy_http_version 1.1;"
GZIP = f"{HTTP} gzip on; gzip_proxied any; gzip_types text/plain text/event-stream;"


@pytest.mark.parametrize("instead", ["", GZIP], ids=["HTTP/1.0", "gzip"])
def test_what_nginx_would_collect_the_response_can_have_sent(start: Start, instead: str) -> None:
    site = start(PROXIED, {BOARD: (HTTP, instead)})
    # That nothing comes is seen by waiting only.
    assert not asyncio.run(first_part_comes(site, "/parts", within=1))
    assert asyncio.run(first_part_comes(site, "/parts?X-Accel-Buffering=no"))
    assert asyncio.run(first_part_comes(site, "/events"))


# --- WebSockets -----------------------------------------------------------------------------------


def test_a_page_of_the_site_may_connect_and_no_other(site: Reader) -> None:
    async def run() -> None:
        async with connect(url(site, "/echo", "ws"), origin=Origin(url(site, ""))) as client:
            await client.send("hello")
            assert await client.recv() == "hello"
        with pytest.raises(InvalidStatus, match="403"):
            await connect(url(site, "/echo", "ws"), origin=Origin("http://127.0.0.1"))

    asyncio.run(run())


def test_without_the_port_in_host_pages_of_the_site_are_refused(start: Start) -> None:
    site = start(PROXIED, {BOARD: ("$http_host", "$host")})

    async def run() -> None:
        with pytest.raises(InvalidStatus, match="403"):
            await connect(url(site, "/echo", "ws"), origin=Origin(url(site, "")))

    asyncio.run(run())


# Connections are looked at once a second: a ping comes two seconds after the last one at most.
IMPATIENT = {BOARD: ("proxy_read_timeout 60s", "proxy_read_timeout 4s")}


def test_pings_keep_a_silent_connection_open(start: Start) -> None:
    site = start("proxied_app:main(ping_interval='0.3', ping_timeout='0.3')", IMPATIENT)

    async def run() -> None:
        async with connect(url(site, "/echo", "ws"), ping_interval=None) as client:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.recv(), 5.5)
            await client.send("hello")
            assert await client.recv() == "hello"

    asyncio.run(run())


def test_nginx_gives_up_a_silent_websocket_and_a_silent_view(start: Start) -> None:
    site = start("proxied_app:main(ping_interval='none')", IMPATIENT)

    async def run() -> None:
        async with connect(url(site, "/echo", "ws"), ping_interval=None) as client:
            assert (await asyncio.to_thread(get, site, "/silent"))[0] == 504
            with pytest.raises(ConnectionClosedError):
                await client.recv()

    asyncio.run(run())


def test_a_browser_talks_on_the_page_of_the_tutorial(start: Start, tmp_path: Path) -> None:
    try:
        program = find_chromium()
    except ProgramMissingError as missing:
        pytest.skip(str(missing))
    site = start("board:main()", {})

    async def run() -> None:
        async with Chromium(program, tmp_path / "profile") as browser:
            window = await browser.open(url(site, "/static/live.html"))
            await window.until("ws.readyState == WebSocket.OPEN")
            await window.type("Tea is ready.")
            await window.until("document.querySelector('li')?.textContent == 'Tea is ready.'")

    asyncio.run(run())


# --- New code, new configuration ------------------------------------------------------------------


def under_load(site: Reader, meanwhile: Callable[[CountingLoad], Any], **kinds: int) -> Account:
    async def run() -> Account:
        load = CountingLoad(int(site.stands_for["8080"]), **kinds)
        return await load.run(lambda: meanwhile(load))

    return asyncio.run(run())


def test_a_reload_of_gunicorn_loses_no_request(start: Start) -> None:
    site = start("loaded_app:main()", {})
    gunicorn = site.servers["application"]

    def reload_twice(load: CountingLoad) -> None:
        for count in (1, 2):
            goal = load.account.answered.total() + 100
            gunicorn.until(lambda goal=goal: load.account.answered.total() >= goal)
            gunicorn.signal(signal.SIGHUP)
            gunicorn.said("Worker exiting", times=count)

    account = under_load(site, reload_twice)
    assert account.failures == []
    assert account.answered.total() > 200
    assert account.posts > 50
    assert len(account.workers) > 2


def test_a_reload_of_nginx_loses_no_request(start: Start) -> None:
    site = start("loaded_app:main()", {})
    nginx = site.servers["nginx"]

    def reload_twice(load: CountingLoad) -> None:
        for count in (2, 3):
            goal = load.account.answered.total() + 50
            nginx.until(lambda goal=goal: load.account.answered.total() >= goal)
            nginx.signal(signal.SIGHUP)
            nginx.said("start worker process ", times=count)

    # nginx closes idle connections at once, so that a client who uses one just then has to repeat.
    account = under_load(site, reload_twice, busy=0, slow=0, idle=0, new=4)
    assert account.failures == []
    assert account.answered.total() > 100


def test_a_reload_of_nginx_closes_no_websocket(start: Start) -> None:
    site = start(PROXIED, {})

    async def run() -> None:
        async with connect(url(site, "/echo", "ws")) as client:
            site.servers["nginx"].signal(signal.SIGHUP)
            site.servers["nginx"].said("gracefully shutting down")
            await client.send("hello")
            assert await client.recv() == "hello"

    asyncio.run(run())


def test_a_mistake_in_a_new_configuration_changes_nothing(start: Start) -> None:
    site = start(PROXIED, {})
    board = site.folder / BOARD
    board.write_text(board.read_text().replace("keepalive 16;", "keepalive many;"))
    site.servers["nginx"].signal(signal.SIGHUP)
    site.servers["nginx"].said(r"\[emerg\].*invalid value \"many\"")
    assert get(site, "/seen")[0] == 200
