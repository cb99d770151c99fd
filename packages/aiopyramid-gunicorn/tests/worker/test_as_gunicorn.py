"""worker: what is the same as with gunicorn's own worker, for the same requests."""

import json
import re

import pytest

ATOMS = (
    *("h", "l", "u", "r", "m", "U", "q", "H", "s", "B", "b", "f", "a"),
    *("{host}i", "{x-field}i", "{absent}i", "{user-agent}i", "{accept}i", "{content-length}i"),
    *("{x-answer}o", "{content-type}o", "{absent}o"),
    *("{request_method}e", "{path_info}e", "{raw_uri}e", "{server_name}e", "{wsgi.url_scheme}e"),
)
"""Those that do not depend on time or process."""

CLOSE = b"Host: example.com\r\nConnection: close\r\n"
REQUESTS = [
    b"GET /path%20of?a=%20b&c HTTP/1.1\r\n" + CLOSE + b"\r\n",
    b'GET / HTTP/1.1\r\nReferer: http://a/"b"\r\nUser-Agent: c "d" \xe9\r\n' + CLOSE + b"\r\n",
    b"GET / HTTP/1.1\r\nAuthorization: Basic dXNlcjpwYXNz\r\n" + CLOSE + b"\r\n",
    b"GET / HTTP/1.1\r\nX-Field: 1\r\nAccept: a\r\nAccept: b\r\n" + CLOSE + b"\r\n",
    b"POST /post HTTP/1.1\r\nContent-Length: 3\r\nContent-Type: a/b\r\n" + CLOSE + b"\r\nabc",
    b"HEAD /head HTTP/1.1\r\n" + CLOSE + b"\r\n",
    b"GET /status?204+No+Content HTTP/1.1\r\n" + CLOSE + b"\r\n",
    b"GET /status?304+Not+Modified HTTP/1.1\r\n" + CLOSE + b"\r\n",
    b"GET /old HTTP/1.0\r\nX-Field: 1\r\n\r\n",
    b"GET / HTTP/1.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Proto: https\r\n" + CLOSE + b"\r\n",
    b"GET / HTTP/1.1\r\nX-Forwarded-For: 1\r\nX_Forwarded_For: 2\r\n" + CLOSE + b"\r\n",
    b"GET /p/x HTTP/1.1\r\nSCRIPT_NAME: /p\r\n" + CLOSE + b"\r\n",
    b"GET //two//slashes/../a HTTP/1.1\r\n" + CLOSE + b"\r\n",
]


@pytest.fixture
def both(gunicorn):
    """Start gunicorn with its own worker and with ours: ``both("--option")``."""

    def both(*options, app="brief"):
        return [
            gunicorn(*options, app=f"plain_app:{app}", worker=worker)
            for worker in ("sync", "aiopyramid_gunicorn.worker.AsyncGunicornWorker")
        ]

    return both


def test_the_access_log_says_the_same(both):
    form = "line " + "|".join(f"%({atom})s" for atom in ATOMS)
    lines = []
    for server in both("--access-logfile", "-", "--access-logformat", form):
        for request in REQUESTS:
            server.talk(request)
        server.said("^line ", times=len(REQUESTS))
        lines.append([line for line in server.lines if line.startswith("line ")])
    assert lines[1] == lines[0]


def test_the_atoms_of_time_and_process_have_the_same_form(both):
    form = "line %(t)s|%(T)s|%(D)s|%(M)s|%(L)s|%(p)s"
    for server in both("--access-logfile", "-", "--access-logformat", form):
        server.talk(REQUESTS[0])
        worker = server.said(r"Booting worker with pid: (\d+)")[1]
        server.said(
            r"^line \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]"
            rf"\|0\|\d+\|\d+\|0\.\d{{6}}\|<{worker}>$"
        )


def test_the_environ_is_the_same(both):
    told = []
    for server in both(app="app"):
        requests = [each for each in REQUESTS if not each.startswith(b"HEAD")]
        bodies = [server.talk(request).partition(b"\r\n\r\n")[2] for request in requests]
        told.append([json.loads(body) for body in bodies])
    theirs, ours = told
    # Of the client's address the port differs; the worker has threads; only a mapping that is
    # ambiguous lets fields get in each other's way. No socket here can be taken over.
    for their, our in zip(theirs, ours, strict=True):
        keys = {key for key in our.pop("keys") if not key.startswith("aiopyramid.")}
        assert set(their.pop("keys")) - {"gunicorn.socket"} == keys
        for environ in (their, our):
            for name in ("REMOTE_PORT", "SERVER_PORT", "wsgi.multithread"):
                environ.pop(name)
        assert our == their


def test_pre_request_and_post_request_are_told_the_same(both, tmp_path):
    (tmp_path / "conf.py").write_text(
        "def told(req):\n"
        "    names = 'method uri path query fragment version headers scheme trailers'.split()\n"
        "    return [getattr(req, name) for name in names] + [len(req.peer_addr)]\n"
        "def pre_request(worker, req):\n"
        "    print('hook', worker.cfg.keepalive, told(req), flush=True)\n"
        "def post_request(worker, req, environ, resp):\n"
        "    status = resp.status, resp.status_code, resp.sent, resp.headers\n"
        "    print('hook', told(req), environ['PATH_INFO'], status, flush=True)\n"
    )
    lines = []
    for server in both("-c", str(tmp_path / "conf.py")):
        for request in REQUESTS:
            server.talk(request)
        server.said("^hook ", times=2 * len(REQUESTS))
        found = [re.sub("^hook", "", line) for line in server.lines if line.startswith("hook")]
        lines.append(found)
    assert lines[1] == lines[0]
