"""worker: where it listens, how many it lets in, and who is in front of it."""

import contextlib
import json
import os
import signal
import socket
import stat
import struct

import pytest

PLAIN = "plain_app:app"
GET = b"GET /path HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n"


def environ_of(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), answer
    return json.loads(body)


def test_it_listens_wherever_it_is_told_to(gunicorn, tmp_path):
    path = str(tmp_path / "sock")
    server = gunicorn("-b", "127.0.0.2:0", "-b", f"unix:{path}", app=PLAIN)
    second = int(server.said(r"http://127\.0\.0\.2:(\d+)")[1])
    for address in (None, ("127.0.0.2", second), path):
        assert environ_of(server.talk(GET, address=address))["PATH_INFO"] == "/path"
    assert environ_of(server.talk(GET, address=path))["REMOTE_ADDR"] == ""
    assert environ_of(server.talk(GET, address=path))["SERVER_NAME"] == "example.com"


def test_a_unix_socket_has_the_permissions_of_umask_and_goes_with_the_server(gunicorn, tmp_path):
    path = tmp_path / "sock"
    server = gunicorn("-b", f"unix:{path}", "--umask", "0117", app=PLAIN)
    server.said("Booting worker")
    server.talk(GET, address=str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    server.end()
    assert not path.exists()


def test_two_servers_share_a_port_with_reuse_port(gunicorn):
    # gunicorn lets each worker bind for itself then, and names no address.
    with socket.socket() as placeholder:
        placeholder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        placeholder.bind(("127.0.0.1", 0))  # does not listen, so that nobody reaches it
        host, port = address = placeholder.getsockname()
        bind = ("--reuse-port", "-b", f"{host}:{port}")
        first = gunicorn(*bind, "--workers", "2", app=PLAIN)
        second = gunicorn(*bind, app=PLAIN)
        for server, workers in ((first, 2), (second, 1)):
            server.said("Booting worker", times=workers)
        assert all(environ_of(first.talk(GET, address=address)) for _ in range(20))
        first.end()
        assert all(environ_of(second.talk(GET, address=address)) for _ in range(20))


def test_more_clients_than_worker_connections_wait_for_their_turn(gunicorn):
    server = gunicorn("--worker-connections", "2", "--keep-alive", "60", app=PLAIN)
    clients = [socket.create_connection(("127.0.0.1", server.port), 20) for _ in range(3)]
    with contextlib.ExitStack() as stack:
        for client in clients:
            stack.enter_context(client)
        for client in clients[:2]:
            client.sendall(GET.replace(b"Connection: close\r\n", b""))
            assert client.recv(1 << 16).startswith(b"HTTP/1.1 200")
        clients[2].sendall(GET)
        clients[2].settimeout(0.3)  # what must not happen cannot be waited for
        with pytest.raises(TimeoutError):
            clients[2].recv(1 << 16)
        clients[2].settimeout(20)
        clients[0].close()
        assert clients[2].recv(1 << 16).startswith(b"HTTP/1.1 200")


def test_a_worker_without_descriptors_left_serves_on_when_there_are_some(gunicorn, tmp_path):
    (tmp_path / "conf.py").write_text(
        "import resource\n"
        "def post_worker_init(worker):\n"
        "    resource.setrlimit(resource.RLIMIT_NOFILE, (50, 50))\n"
    )
    server = gunicorn("-c", str(tmp_path / "conf.py"), "--keep-alive", "60", app=PLAIN)
    environ_of(server.talk(GET))
    with contextlib.ExitStack() as stack:
        for _ in range(60):
            address = ("127.0.0.1", server.port)
            stack.enter_context(socket.create_connection(address, 20))
        server.said("Cannot accept connections for now: .*Too many open files")
    assert environ_of(server.talk(GET))


def test_the_idle_are_closed_after_keepalive(gunicorn):
    server = gunicorn("--keep-alive", "1", app=PLAIN)
    with socket.create_connection(("127.0.0.1", server.port), 20) as client:
        client.sendall(GET.replace(b"Connection: close\r\n", b""))
        assert client.recv(1 << 16).startswith(b"HTTP/1.1 200")
        assert client.recv(1 << 16) == b""


def test_libraries_for_websockets_find_no_socket_that_they_cannot_send_to(gunicorn):
    server = gunicorn(app=PLAIN)
    assert "gunicorn.socket" not in environ_of(server.talk(GET))["keys"]


# --- Proxies --------------------------------------------------------------------------------------

V1 = b"PROXY TCP4 192.0.2.1 198.51.100.2 1234 443\r\n"
V2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + struct.pack(
    "!H4s4sHH", 12, bytes([192, 0, 2, 1]), bytes([198, 51, 100, 2]), 1234, 443
)
ENVIRON = {
    "PROXY_PROTOCOL": "TCP4",
    "REMOTE_ADDR": "192.0.2.1",
    "REMOTE_PORT": "1234",
    "PROXY_ADDR": "198.51.100.2",
    "PROXY_PORT": "443",
}


@pytest.mark.parametrize("header", [V1, V2], ids=["v1", "v2"])
def test_behind_a_proxy_protocol_proxy_the_client_is_the_one_it_names(gunicorn, header):
    version = "v1" if header is V1 else "v2"
    server = gunicorn("--proxy-protocol", version, "--access-logfile", "-", app=PLAIN)
    environ = environ_of(server.talk(header + GET))
    assert {name: environ[name] for name in ENVIRON} == ENVIRON
    server.said('^192.0.2.1 - - .* "GET /path HTTP/1.1" 200 ')


def test_a_peer_that_may_not_be_a_proxy_is_refused(gunicorn):
    server = gunicorn("--proxy-protocol", "auto", "--proxy-allow-from", "192.0.2.9", app=PLAIN)
    assert server.talk(V1 + GET).startswith(b"HTTP/1.1 403 ")
    assert server.talk(V2 + GET).startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize(
    ("allowed", "scheme"), [("127.0.0.0/8", "https"), ("*", "https"), ("192.0.2.0/24", "http")]
)
def test_a_peer_in_one_of_the_networks_says_how_it_was_reached(gunicorn, allowed, scheme):
    server = gunicorn("--forwarded-allow-ips", allowed, app=PLAIN)
    forwarded = GET.replace(b"\r\n\r\n", b"\r\nX-Forwarded-Proto: https\r\n\r\n")
    assert environ_of(server.talk(forwarded))["wsgi.url_scheme"] == scheme


def test_secure_scheme_headers_are_those_of_the_settings(gunicorn, tmp_path):
    (tmp_path / "conf.py").write_text("secure_scheme_headers = {'X-TLS': 'yes'}\n")
    server = gunicorn("-c", str(tmp_path / "conf.py"), app=PLAIN)
    for field, scheme in ((b"X-TLS: yes", "https"), (b"X-Forwarded-Proto: https", "http")):
        request = GET.replace(b"\r\n\r\n", b"\r\n" + field + b"\r\n\r\n")
        assert environ_of(server.talk(request))["wsgi.url_scheme"] == scheme


def test_a_signal_to_the_worker_alone_costs_no_connection(gunicorn):
    server = gunicorn(app=PLAIN)
    worker = int(server.said(r"Booting worker with pid: (\d+)")[1])
    environ_of(server.talk(GET))
    os.kill(worker, signal.SIGTERM)
    for _ in range(20):
        assert environ_of(server.talk(GET))
    server.said("Booting worker", times=2)
