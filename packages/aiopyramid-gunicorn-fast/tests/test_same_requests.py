"""Both forms read the same requests, and make the same environ of them, or the same error."""

import copy

import pytest
from gunicorn.config import Config
from gunicorn.http.wsgi import base_environ
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from aiopyramid_core.exceptions import RequestError
from aiopyramid_gunicorn._http1 import environ as pure_environ
from aiopyramid_gunicorn._http1.environ import EnvironSettings, connection_environ
from aiopyramid_gunicorn._http1.head import RequestHead
from aiopyramid_gunicorn._http1.whole_request import WholeRequestReader

NAMES = (
    st.sampled_from(
        [
            "Host",
            "host",
            "User-Agent",
            "Accept",
            "Cookie",
            "X-Forwarded-Proto",
            "X_A",
            "X-A",
            "X-\xe9",
        ]
    )
    | st.sampled_from(
        ["SCRIPT_NAME", "Content-Type", "Content-Length", "Transfer-Encoding", "Connection"]
    )
    | st.sampled_from(["Upgrade", "Expect", "Remote-Addr", "", " X", "X ", "X:Y"])
)
VALUES = st.one_of(
    st.sampled_from(["test", "a:80", "[::1]", "a b", "chunked", "https", "http", "close", "/app"])
    | st.sampled_from(["Upgrade", "keep-alive", "websocket", "0", "3", "03", "+3", "-1", "", " \t"])
    | st.sampled_from(["a\rb", "a\nb", "a\r", "a\r\n b", "a\0", "\t v\t ", "\xe9", "\xa0v\xa0"]),
    st.text(st.characters(max_codepoint=255), max_size=20),
)
FIELDS = st.tuples(NAMES, st.sampled_from([":", ": ", ":\t", " :", ""]), VALUES).map("".join)
TARGETS = st.sampled_from(
    ["/", "/a%20b?c=d", "/%", "/?", "/a?b?c", "/#f", "*", "http://b:81/x?y", "http://b", "test:80"]
) | st.sampled_from(
    ["", " /", "/ /", "//a", "/\xe9", "/app/x", "/application", "/a\tb", "?", "%2F"]
)
METHODS = st.sampled_from(
    ["GET", "GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "M-SEARCH", "get", "", "\r\nGET"]
)
VERSIONS = st.sampled_from(["HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "http/1.1", "", "\xb2"])


@st.composite
def requests(draw):
    """Bytes that are a request, or nearly."""
    line = " ".join([draw(METHODS), draw(TARGETS), draw(VERSIONS)])
    fields = draw(st.lists(FIELDS, max_size=6))
    if draw(st.booleans()):
        fields.insert(0, "Host: test")
    body = draw(st.sampled_from(["", "", "", "abc", "0\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"]))
    if draw(st.booleans()) and body:
        fields.append(f"Content-Length: {len(body)}")
    end = draw(st.sampled_from(["\r\n"] * 8 + ["\n", "\r"]))
    return end.join([line, *fields, "", body]).encode("latin-1")


CONNECTIONS = st.fixed_dictionaries(
    {
        "local": st.sampled_from([("192.0.2.1", 80), "/run/sock"]),
        "script_name": st.sampled_from(["", "", "", "/app"]),
        "header_map": st.sampled_from(["drop", "refuse", "dangerous"]),
        "trusted": st.booleans(),
        "most_fields": st.sampled_from([100, 100, 2]),
        "most_line_bytes": st.sampled_from([4094, 4094, 15]),
    }
)
USUAL = {
    **{"local": ("192.0.2.1", 80), "script_name": "", "header_map": "drop", "trusted": True},
    **{"most_fields": 100, "most_line_bytes": 4094},
}


def read_by(reader, data):
    """Return what a reader makes of bytes: the parts of the head, and the body."""
    read = reader.read(data)
    if read is None:
        return None
    head, body = read
    names = ("method", "target", "version", "keep_alive", "upgrade", "lines", "fields")
    return [getattr(head, name) for name in names], body


def environ_by(build, head, connection, made, *, trusted):
    """Return the environ, and the lines that remain; or the error."""
    before = copy.copy(connection)
    try:
        environ = build(head, connection, made, trusted=trusted)
    except RequestError as error:
        return type(error), str(error)
    assert connection == before
    return list(environ.items()), head.lines


def both(compiled, data, local, script_name, header_map, trusted, most_fields, most_line_bytes):
    """Check that both forms agree; return the environ."""
    limits = (8190, most_fields, most_line_bytes)
    pure, fast = WholeRequestReader(*limits), compiled.WholeRequestReader(*limits)
    expected = read_by(pure, data)
    assert read_by(fast, data) == expected
    if expected is None:
        return None
    config = Config()
    config.set("header_map", header_map)
    base = base_environ(config)
    made = EnvironSettings.from_settings(config, base)
    if script_name:
        values = {name: getattr(made, name) for name in EnvironSettings.__slots__}
        made = EnvironSettings(**values | {"script_name": script_name})
    connection = connection_environ(made, ("192.0.2.7", 1234), local)
    answers = []
    # Twice, because a form may remember the names.
    for _ in range(2):
        head = pure.read(data)[0]
        assert type(head) is RequestHead
        wanted = environ_by(pure_environ.build_environ, head, connection, made, trusted=trusted)
        got = environ_by(
            compiled.build_environ, fast.read(data)[0], connection, made, trusted=trusted
        )
        if wanted[0] is not got[0]:
            assert dict(wanted[0]) == dict(got[0])
        assert wanted[1] == got[1]
        answers.append(got)
    assert answers[0][1] == answers[1][1]
    return answers[0]


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(requests(), CONNECTIONS)
@example(b"GET / HTTP/1.1\r\nHost: test\r\nhost: test\r\n\r\n", USUAL)
@example(b"GET / HTTP/1.1\r\nHost: test\r\nRemote-Addr: 1\r\n\r\n", USUAL)
@example(b"GET / HTTP/1.1\r\nHost: test\r\nX-Forwarded-Proto: https\r\n\r\n", USUAL)
@example(b"GET / HTTP/1.1\r\nHost: test\r\nX: a\rb\r\n\r\n", USUAL)
@example(b"GET / HTTP/1.1\r\r\n\r\n", USUAL)
@example(b"GET / HTTP/1.1\r\nA\r\n\r\n", USUAL)
def test_both_forms_read_the_same_request_or_leave_it_to_the_parser(compiled_request, data, how):
    both(compiled_request, data, **how)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=80))
def test_both_forms_leave_the_same_bytes_to_the_parser(compiled_request, data):
    both(compiled_request, data + b"\r\n\r\n", **USUAL)
    both(compiled_request, b"GET /" + data + b" HTTP/1.1\r\nHost: test\r\n\r\n", **USUAL)
    both(compiled_request, b"GET / HTTP/1.1\r\nHost: test\r\n" + data + b"\r\n\r\n", **USUAL)


def test_a_usual_request_is_not_left_to_the_pure_code(compiled_request, monkeypatch):
    data = b"GET /a%20b?c HTTP/1.1\r\nHost: test\r\nAccept: */*\r\n\r\n"
    assert both(compiled_request, data, **USUAL) is not None
    monkeypatch.setattr(pure_environ, "usual_keys", None)  # any use of it would fail
    made = EnvironSettings.from_settings(Config(), base_environ(Config()))
    connection = connection_environ(made, ("192.0.2.7", 1234), ("192.0.2.1", 80))
    head, _ = compiled_request.WholeRequestReader(8190, 100, 4094).read(data)
    environ = compiled_request.build_environ(head, connection, made, trusted=False)
    assert (environ["PATH_INFO"], environ["HTTP_ACCEPT"]) == ("/a b", "*/*")


@pytest.mark.parametrize("data", [None, "GET", bytearray(b"GET"), 3])
def test_a_reader_refuses_anything_but_bytes(compiled_request, data):
    with pytest.raises(TypeError):
        compiled_request.WholeRequestReader(8190, 100, 4094).read(data)


def test_a_head_is_only_made_by_the_reader(compiled_request):
    with pytest.raises(TypeError, match=r"only WholeRequestReader\.read makes a head"):
        compiled_request.WholeRequestHead()
