"""worker: encrypted connections, by gunicorn's settings, with real processes and certificates."""

import contextlib
import http.client
import json
import signal
import socket
import ssl
import time

import pytest
from certificates import make_certificate
from server_process import PATIENCE_SECONDS

PLAIN = "plain_app:app"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Make a self-signed certificate for each side; each is its own authority."""
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("server", "client"):
        make_certificate(folder, name)
    return folder


@pytest.fixture
def serve_tls(gunicorn, certificates):
    """Start gunicorn with a certificate: ``serve_tls("--option")``."""

    def serve_tls(*options, **more):
        files = ("--certfile", f"{certificates}/server.pem")
        files += ("--keyfile", f"{certificates}/server.key")
        return gunicorn(*files, *options, **{"app": PLAIN, **more})

    return serve_tls


@pytest.fixture
def trusting(certificates):
    """Make a client's context that trusts the server, and shows a certificate if asked to."""

    def trusting(*, certified=False):
        context = ssl.create_default_context(cafile=f"{certificates}/server.pem")
        if certified:
            context.load_cert_chain(f"{certificates}/client.pem", f"{certificates}/client.key")
        return context

    return trusting


def connect(server, context):
    address = ("127.0.0.1", server.port)
    return http.client.HTTPSConnection(*address, context=context, timeout=PATIENCE_SECONDS)


def get(server, context, path="/"):
    connection = connect(server, context)
    connection.request("GET", path)
    environ = json.loads(connection.getresponse().read())
    connection.close()
    return environ


def test_the_application_is_told_that_the_connection_is_encrypted(serve_tls, trusting):
    server = serve_tls()
    environ = get(server, trusting())
    assert environ["wsgi.url_scheme"] == "https"
    assert environ["SERVER_PORT"] == str(server.port)
    assert environ["certificate"] is None
    # Libraries for WebSockets take what they find there for a socket of their own.
    assert "gunicorn.socket" not in environ["keys"]


def test_an_encrypted_connection_is_kept_and_carries_large_bodies(serve_tls, trusting):
    connection = connect(serve_tls(), trusting())
    for size in (10, 3_000_000, 10):
        connection.request("POST", "/", b"x" * size)
        assert json.loads(connection.getresponse().read())["body"] == size
    connection.close()


def test_without_a_certificate_that_is_asked_for_a_client_gets_nothing(
    serve_tls, trusting, certificates
):
    server = serve_tls("--cert-reqs", "2", "--ca-certs", f"{certificates}/client.pem")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        get(server, trusting())
    environ = get(server, trusting(certified=True))
    assert environ["certificate"]["subject"] == [[["commonName", "client"]]]


def test_the_ciphers_are_those_of_the_settings(serve_tls, trusting):
    server = serve_tls("--ciphers", "ECDHE-RSA-AES256-GCM-SHA384")
    context = trusting()
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # the ciphers of 1.3 are not configurable
    connection = connect(server, context)
    connection.connect()
    assert connection.sock.cipher()[0] == "ECDHE-RSA-AES256-GCM-SHA384"
    connection.close()


def test_the_ssl_context_hook_has_the_last_word(serve_tls, trusting, tmp_path):
    (tmp_path / "conf.py").write_text(
        "import ssl\n"
        "def ssl_context(config, default_factory):\n"
        "    context = default_factory()\n"
        "    context.minimum_version = ssl.TLSVersion.TLSv1_3\n"
        "    return context\n"
    )
    server = serve_tls("-c", str(tmp_path / "conf.py"))
    old = trusting()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, ConnectionError)):
        get(server, old)
    assert get(server, trusting())["wsgi.url_scheme"] == "https"


def test_a_client_that_prefers_http_2_speaks_http_1_1(serve_tls, trusting):
    context = trusting()
    context.set_alpn_protocols(["h2", "http/1.1"])
    connection = connect(serve_tls(), context)
    connection.connect()
    assert connection.sock.selected_alpn_protocol() == "http/1.1"
    connection.request("GET", "/")
    assert connection.getresponse().status == 200
    connection.close()


def test_a_client_without_tls_is_cut_off_and_the_worker_goes_on(serve_tls, trusting):
    server = serve_tls()
    with contextlib.suppress(ConnectionResetError):
        assert b"HTTP" not in server.talk(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert get(server, trusting())["wsgi.url_scheme"] == "https"
    assert "Traceback" not in server.output


def test_a_client_that_does_not_shake_hands_is_cut_off_in_time(serve_tls, tmp_path):
    (tmp_path / "mine.py").write_text(
        "from aiopyramid_gunicorn.worker import AsyncGunicornWorker\n"
        "class Worker(AsyncGunicornWorker):\n"
        "    head_timeout_seconds = 0.5\n"
    )
    server = serve_tls(worker="mine.Worker", PYTHONPATH=str(tmp_path))
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE_SECONDS) as sock:
        assert sock.recv(100) == b""


def test_a_failed_handshake_makes_room_for_the_next_client(serve_tls, trusting):
    server = serve_tls("--worker-connections", "1")
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE_SECONDS) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        while sock.recv(100):
            pass
    connection = connect(server, trusting())
    connection.request("GET", "/")
    assert connection.getresponse().status == 200
    connection.close()


def test_sigterm_does_not_wait_for_an_encrypted_idle_connection(serve_tls, trusting):
    server = serve_tls("--keep-alive", "60", "--graceful-timeout", "60")
    connection = connect(server, trusting())
    connection.request("GET", "/")
    connection.getresponse().read()
    server.signal(signal.SIGTERM)
    assert server.ended() < 20
    connection.close()
    assert "Traceback" not in server.output


def test_a_key_that_does_not_fit_ends_gunicorn_with_a_message(gunicorn, certificates):
    files = ("--certfile", f"{certificates}/server.pem", "--keyfile", f"{certificates}/client.key")
    server = gunicorn(*files, app=PLAIN)
    server.ended()
    assert server.popen.returncode == 3
    server.said(r"Invalid TLS settings \(certfile, keyfile or another\): .*KEY_VALUES_MISMATCH")
    server.said("Worker failed to boot")


@pytest.mark.parametrize("uvloop", [True, False])
def test_a_client_that_reads_slowly_gets_the_whole_answer(serve_tls, trusting, tmp_path, uvloop):
    # The transport does not show the data that TLS has passed to the socket's own transport. It
    # must not be dropped when the connection is no longer kept, nor when it has lingered long
    # enough.
    (tmp_path / "big.py").write_text(
        "def app(environ, start_response):\n"
        "    start_response('200 OK', [])\n"
        "    return [b'x' * 60_000]\n"
    )
    (tmp_path / "conf.py").write_text(
        "import socket\n"
        "def post_worker_init(worker):\n"
        "    worker.sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)\n"
        "    print('buffers are small', flush=True)\n"
    )
    if not uvloop:
        (tmp_path / "uvloop.py").write_text("raise ImportError('not installed')")
    options = ("-c", str(tmp_path / "conf.py"), "--keep-alive", "1")
    server = serve_tls(*options, app="big:app", PYTHONPATH=str(tmp_path))
    server.said("buffers are small")
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(PATIENCE_SECONDS)
        sock.connect(("127.0.0.1", server.port))
        with trusting().wrap_socket(sock, server_hostname="127.0.0.1") as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            answer = client.recv(1000)
            time.sleep(6)  # longer than both times together
            while len(answer) < 60_000:
                data = client.recv(1 << 16)
                assert data, f"cut after {len(answer)} bytes"
                answer += data
