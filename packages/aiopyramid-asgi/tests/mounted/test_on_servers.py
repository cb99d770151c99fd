"""ASGI applications below Pyramid's routes, on the worker for gunicorn and on uvicorn."""

import hashlib
import http.client
import json
import re
import socket
import time
from signal import SIGTERM

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

ANN = {"X_User": "ann"}


# --- HTTP -----------------------------------------------------------------------------------------


def test_fastapi_answers_with_its_state_and_pyramids_user(site):
    answer = json.loads(site.get("/fast/hello/Bob?x=1", **ANN).text)
    assert answer["text"] == "Hello, Bob"
    assert answer["url"] == f"http://127.0.0.1:{site.port}/fast/hello/Bob?x=1"
    assert (answer["root"], answer["user"]) == ("/fast", "ann")


def test_pyramids_permission_comes_first(site):
    assert site.get("/fast/hello/Bob").status == 403
    assert site.get("/fast/hello/Bob", X_User="bob").status == 403
    assert site.get("/fastest", **ANN).status == 404
    assert site.get("/fast/nothing", **ANN).status == 404


def test_pyramids_session_is_kept(site):
    first = site.get("/fast/visits", **ANN)
    assert first.text == "1"
    cookie = first.headers["Set-Cookie"].partition(";")[0]
    assert site.get("/fast/visits", Cookie=cookie, **ANN).text == "2"


def test_documents_of_fastapi_name_the_prefix(site):
    assert "'/fast/openapi.json'" in site.get("/fast/docs", **ANN).text
    assert "/hello/{name}" in json.loads(site.get("/fast/openapi.json", **ANN).text)["paths"]


def test_a_body_arrives_in_parts(site):
    body = bytes(range(256)) * 5000
    expected = hashlib.sha256(body).hexdigest()
    assert site.get("/starlette/upload", "POST", body).text == expected
    chunks = (body[at : at + 100_000] for at in range(0, len(body), 100_000))
    assert site.get("/starlette/upload", "POST", chunks).text == expected
    assert site.get("/starlette/upload", "POST").text == hashlib.sha256().hexdigest()


@pytest.mark.parametrize(("path", "status"), [("/fast/x", b"403"), ("/starlette/upload", b"100")])
def test_an_upload_is_asked_for_when_the_application_reads_it(site, path, status):
    head = f"POST {path} HTTP/1.1\nContent-Length: 9\nExpect: 100-continue"
    with site.ask(head) as client:
        assert client.recv(99).split()[1] == status


def test_repeated_fields_are_kept(site):
    answer = site.get("/starlette/cookies", Cookie="a=1; b=2")
    assert json.loads(answer.text) == {"a": "1", "b": "2"}
    assert len(answer.headers.get_all("Set-Cookie")) == 2


def test_the_scope_describes_the_request(site):
    scope = json.loads(site.get("/starlette/scope/a%2Fb/%C3%BC?q=%20", X_Field="value").text)
    assert scope["path"] == "/starlette/scope/a/b/ü"
    assert scope["raw_path"] == repr(b"/starlette/scope/a%2Fb/%C3%BC")
    assert scope["query_string"] == repr(b"q=%20")
    assert (scope["root_path"], scope["scheme"]) == ("/starlette", "http")
    assert scope["http_version"] == "1.1"
    assert "(b'x-field', b'value')" in scope["headers"]
    assert scope["client"].startswith("('127.0.0.1', ")
    assert scope["server"] == repr(("127.0.0.1", site.port))


def test_head_has_the_fields_of_get(site):
    answer = site.get("/starlette/cookies", "HEAD")
    assert (answer.status, answer.text) == (200, "")
    assert answer.headers["Content-Length"] == "2"


def test_head_ends_an_application_that_goes_on_sending(site):
    assert site.get("/starlette/endless", "HEAD").status == 200
    site.until(lambda: "ASGI /starlette/endless" not in site.get("/tasks").text)


def test_work_continues_after_the_response(site):
    before = site.get("/what_happened").text.count("background task done")
    assert site.get("/starlette/later").text == "soon"
    site.until(lambda: site.get("/what_happened").text.count("background task done") > before)


def test_an_application_without_a_framework_is_below_a_placeholder(site):
    answer = site.get("/acme/bare/x")
    assert (answer.status, answer.text) == (299, "bare")


# --- Errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/starlette/failing", "ValueError: failed on purpose"),
        (
            "/acme/bare/nothing",
            "returned without completing its response to /acme/bare/nothing",
        ),
        ("/acme/bare/body_first", "invalid ASGI event: 'http.response.body'"),
    ],
)
def test_an_error_before_the_response_is_answered(site, path, said):
    answer = site.get(path)
    assert answer.status == 500
    site.said(re.escape(said))


@pytest.mark.parametrize("path", ["/starlette/broken", "/acme/bare/half"])
def test_an_error_in_the_response_shows(site, path):
    with pytest.raises(http.client.IncompleteRead):
        site.get(path)


# --- Clients that go or read slowly ---------------------------------------------------------------


def test_a_client_that_does_not_read_stops_the_application(site):
    with site.ask("GET /starlette/endless HTTP/1.1") as client:
        client.recv(1000)
        counts = [-1, 0]
        site.until(lambda: _settles(site, counts))
        assert counts[-1] < 1000  # 64 MB
    site.until(lambda: "ASGI /starlette/endless" not in site.get("/tasks").text)


def _settles(site, counts):
    time.sleep(0.2)
    counts.append(int(site.get("/how_many").text))
    return counts[-1] == counts[-2]


def test_an_application_that_waits_learns_that_its_client_has_gone(site):
    with site.ask("GET /starlette/silent HTTP/1.1") as client:
        assert client.recv(10000)
    site.until(lambda: "ASGI /starlette/silent" not in site.get("/tasks").text)


# --- WebSockets -----------------------------------------------------------------------------------


def test_a_websocket_has_user_subprotocol_and_fields(site):
    options = {"subprotocols": ["one", "two"], "additional_headers": {"X-User": "ann"}}
    with site.websocket("/fast/shout", **options) as client:
        assert client.subprotocol == "two"
        assert client.response.headers["X-User"] == "ann"
        client.send("hello")
        assert client.recv(30) == "ann: HELLO"
        client.close(4321)
    site.happens("shout ended with 4321")


def test_the_client_sees_the_close_code_of_the_application(site):
    with site.websocket("/fast/shout?user=ann") as client:
        client.send("close")
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(30)
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4001, "as asked")


def test_an_application_that_fails_closes_with_1011(site):
    with site.websocket("/fast/shout?user=ann") as client:
        client.send("fail")
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(30)
    assert closed.value.rcvd.code == 1011


def test_an_application_learns_that_its_client_has_gone(site):
    before = site.get("/what_happened").text.count("shout ended with 100")
    with site.websocket("/fast/shout?user=ann") as client:
        client.send("hello")
        client.recv(30)
        client.socket.shutdown(socket.SHUT_RDWR)
        site.until(lambda: site.get("/what_happened").text.count("shout ended with 100") > before)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/fast/shout", 403),  # Pyramid's permission
        ("/fast/shout?user=ann&refuse", 403),
        ("/fast/shout?user=ann&deny", 418),
        ("/fast/shout?user=ann&fail", 500),
        ("/fast/nowhere?user=ann", 403),
    ],
)
def test_a_handshake_is_refused(site, path, status):
    with pytest.raises(InvalidStatus) as refused, site.websocket(path):
        pass
    assert refused.value.response.status_code == status


# --- Applications of other kinds ------------------------------------------------------------------


def test_graphql_answers_queries(site):
    query = json.dumps({"query": "{ user }"})
    fields = {"Content_Type": "application/json"}
    assert site.get("/graphql", "POST", query, **fields).status == 403
    answer = site.get("/graphql", "POST", query, **fields, **ANN)
    assert json.loads(answer.text) == {"data": {"user": "ann"}}


def test_graphql_sends_subscriptions(site):
    with site.websocket("/graphql?user=ann", subprotocols=["graphql-transport-ws"]) as client:
        client.send(json.dumps({"type": "connection_init"}))
        assert json.loads(client.recv(30))["type"] == "connection_ack"
        payload = {"query": "subscription { count(target: 3) }"}
        client.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))
        numbers = [json.loads(client.recv(30))["payload"]["data"]["count"] for _ in range(3)]
        assert numbers == [0, 1, 2]
        assert json.loads(client.recv(30)) == {"type": "complete", "id": "1"}


@pytest.mark.usefixtures("loop_factory")
async def test_an_mcp_server_lists_and_calls_its_tools(site):
    # Here, because they take a second, which is too long for each process that collects this test.
    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    url = f"http://127.0.0.1:{site.port}/tools/mcp"
    async with (
        httpx.AsyncClient(headers={"X-User": "ann"}) as client,
        streamable_http_client(url, http_client=client) as streams,
        ClientSession(*streams[:2]) as session,
    ):
        await session.initialize()
        assert [tool.name for tool in (await session.list_tools()).tools] == ["add"]
        result = await session.call_tool("add", {"first": 2, "second": 3})
        assert result.content[0].text == "5"


# --- Lifespan -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "app"),
    [("gunicorn", "mounting_site:main()"), ("uvicorn", "--factory mounting_site:on_asgi")],
)
def test_the_lifespan_begins_and_ends_in_one_task(start, name, app):
    server = start(name, app)
    assert "fast started" in server.get("/what_happened").text
    server.signal(SIGTERM)
    server.ended()
    server.said("fast stopped in its task")
    assert "Traceback" not in server.output
