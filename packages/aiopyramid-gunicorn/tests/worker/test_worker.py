"""worker: gunicorn's settings, signals and hooks, with real processes."""

import os
import re
import signal
import socket
import time

import pytest


def test_the_application_is_served_from_the_command_line(served):
    assert served.get("/hello") == (200, "hello")


def test_the_access_log_has_gunicorns_format(served):
    served.get("/hello?logged")
    served.said(r'^127\.0\.0\.1 - - \[.+\] "GET /hello\?logged HTTP/1\.1" 200 5 "-" "-"$')


def test_the_worker_survives_invalid_requests(served):
    before = served.get("/pid")
    with socket.create_connection(("127.0.0.1", served.port)) as sock:
        sock.sendall(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
        answer = b"".join(iter(lambda: sock.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    served.said("Invalid request from ip=127.0.0.1")
    assert served.get("/pid") == before


def test_the_worker_survives_an_application_that_raises(served):
    before = served.get("/pid")
    assert served.get("/crash")[0] == 500
    assert served.get("/pid") == before


def test_uvloop_is_used_when_it_is_installed(served):
    pytest.importorskip("uvloop")
    assert served.get("/loop") == (200, "uvloop")


def test_it_works_without_uvloop(gunicorn, tmp_path):
    (tmp_path / "uvloop.py").write_text("raise ImportError('not installed')")
    server = gunicorn(PYTHONPATH=str(tmp_path))
    assert server.get("/loop") == (200, "asyncio")
    assert server.get("/thread") == (200, "aiopyramid-request-0")
    server.signal(signal.SIGTERM)
    server.ended()
    server.said("Worker exiting")
    assert "Traceback" not in server.output


def test_an_executor_that_the_application_sets_serves_calls_in_threads(gunicorn):
    server = gunicorn(THREADS_OF_THE_APPLICATION="1")
    assert server.get("/called_thread") == (200, "of-the-application_0")


def test_it_works_under_pserve(pserve):
    server = pserve()
    assert server.get("/hello") == (200, "hello")
    server.signal(signal.SIGTERM)
    server.ended()
    assert "Traceback" not in server.output


def test_it_works_on_a_unix_socket(gunicorn, tmp_path):
    path = str(tmp_path / "sock")
    server = gunicorn("-b", f"unix:{path}")
    server.said("Listening at: .*unix:")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(path)
        sock.sendall(b"GET /hello HTTP/1.0\r\nHost: example.com\r\n\r\n")
        assert b"".join(iter(lambda: sock.recv(4096), b"")).endswith(b"\r\n\r\nhello")


def test_settings_of_the_worker_are_attributes_of_a_subclass(gunicorn, tmp_path):
    (tmp_path / "mine.py").write_text(
        "from aiopyramid_gunicorn.worker import AsyncGunicornWorker\n"
        "class Worker(AsyncGunicornWorker):\n"
        "    body_limit_bytes = 10\n"
    )
    server = gunicorn("-k", "mine.Worker", PYTHONPATH=str(tmp_path))
    with socket.create_connection(("127.0.0.1", server.port)) as sock:
        sock.sendall(b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n")
        answer = b"".join(iter(lambda: sock.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_the_backlog_is_the_one_of_the_settings(gunicorn, tmp_path):
    # For a listening socket, the field tcpi_sacked of TCP_INFO is the limit of its backlog.
    (tmp_path / "conf.py").write_text(
        "import socket, struct\n"
        "def post_worker_init(worker):\n"
        "    import asyncio\n"
        "    sock = worker.sockets[0].sock\n"
        "    def tell():\n"
        "        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)\n"
        "        print('backlog is', struct.unpack('8B8I', info[:40])[13], flush=True)\n"
        "    asyncio.get_event_loop().call_later(0.2, tell)\n"
    )
    server = gunicorn("-c", str(tmp_path / "conf.py"), "--backlog", "321")
    server.said("backlog is 321")


def test_gunicorns_hooks_see_every_request(gunicorn, tmp_path):
    (tmp_path / "conf.py").write_text(
        "def pre_request(worker, req):\n"
        "    print('before', req.method, req.path, flush=True)\n"
        "def post_request(worker, req, environ, resp):\n"
        "    print('after', req.method, environ['PATH_INFO'], resp.status, flush=True)\n"
    )
    server = gunicorn("-c", str(tmp_path / "conf.py"))
    server.get("/hello")
    server.said("^before GET /hello$")
    server.said("^after GET /hello 200 OK$")


# --- The heartbeat --------------------------------------------------------------------------------


@pytest.mark.parametrize("timeout", ["1"])
def test_an_idle_worker_lives_longer_than_the_timeout(gunicorn, timeout):
    server = gunicorn("--timeout", timeout)
    before = server.get("/pid")
    time.sleep(2 * int(timeout) + 0.5)  # what must not happen cannot be waited for
    assert server.get("/pid") == before
    assert "WORKER TIMEOUT" not in server.output


def test_a_worker_whose_loop_is_blocked_is_replaced(gunicorn):
    server = gunicorn("--timeout", "1")
    first = server.get("/pid")
    server.get_later("/freeze")
    server.said("WORKER TIMEOUT")
    server.said("Booting worker", times=2)
    assert server.get("/pid") != first


# --- Stopping -------------------------------------------------------------------------------------


def refuses(server):
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", server.port)) != 0


@pytest.mark.parametrize("view", ["wait", "block_until"])
def test_sigterm_lets_a_request_end_and_refuses_new_ones(gunicorn, tmp_path, view):
    server = gunicorn("--graceful-timeout", "60")
    outcome = server.get_later(f"/{view}?file={tmp_path}/go_on")
    server.said(f"came to /{view}")
    server.signal(signal.SIGTERM)
    server.until(lambda: refuses(server))
    (tmp_path / "go_on").touch()
    assert outcome() == (200, "waited")
    assert server.ended() < 20
    assert server.popen.returncode == 0


def test_it_ends_well_though_the_application_has_set_another_loop(gunicorn):
    # As when a tracer has loaded asyncio a second time.
    server = gunicorn()
    assert server.get("/set_other_loop") == (200, "set")
    server.end()
    assert "exited with code" not in server.output
    assert "Exception" not in server.output


def test_sigterm_does_not_wait_for_idle_connections(gunicorn):
    server = gunicorn("--keep-alive", "60", "--graceful-timeout", "60")
    server.get()
    with socket.create_connection(("127.0.0.1", server.port)) as sock:
        sock.sendall(b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
        assert sock.recv(4096).startswith(b"HTTP/1.1 200")
        server.signal(signal.SIGTERM)
        assert server.ended() < 20


def test_a_request_that_outlasts_the_graceful_timeout_is_told_so(gunicorn, tmp_path):
    # gunicorn kills its workers when that time is over: theirs must end a little earlier.
    server = gunicorn("--graceful-timeout", "3")
    outcome = server.get_later(f"/wait?file={tmp_path}/never")
    server.said("came to /wait")
    server.signal(signal.SIGTERM)
    assert outcome()[0] == 503
    server.said("broke off 1 requests")
    server.ended()
    assert "SIGKILL" not in server.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
@pytest.mark.parametrize("request_path", [None, "/wait?file={}/never"])
def test_sigint_and_sigquit_stop_at_once(gunicorn, tmp_path, number, request_path):
    server = gunicorn("--graceful-timeout", "60")
    server.get()
    outcome = None
    if request_path:
        outcome = server.get_later(request_path.format(tmp_path))
        server.said("came to /wait")
    server.signal(number)
    assert server.ended() < 20
    if outcome:
        assert outcome()[0] == 503


@pytest.mark.parametrize("path", ["/hello", "/wait?file={}/never", "/block_until?file={}/never"])
@pytest.mark.parametrize("by", ["gunicorn", "pserve"])
def test_ctrl_c_ends_all_processes_at_once(request, tmp_path, by, path):
    options = ("--graceful-timeout", "60") if by == "gunicorn" else ()
    start = request.getfixturevalue(by)
    server = start(*options) if options else start(graceful_timeout=60)
    server.get()
    if path != "/hello":
        server.get_later(path.format(tmp_path))
        server.said("came to ")
    server.signal_group(signal.SIGINT)
    assert server.ended() < 20
    assert "SIGKILL" not in server.output


def test_ctrl_c_ends_a_worker_that_is_still_starting(gunicorn, tmp_path):
    # Until the worker has handlers of its own it has those of gunicorn's main process, which
    # queue the signal where nobody will look for it.
    (tmp_path / "uvloop.py").write_text(
        "import time\n"
        "print('imports uvloop', flush=True)\n"
        "time.sleep(1)\n"
        "raise ImportError('not installed')\n"
    )
    server = gunicorn("--graceful-timeout", "60", PYTHONPATH=str(tmp_path))
    server.said("imports uvloop")
    server.signal_group(signal.SIGINT)
    assert server.ended() < 20


def test_a_signal_while_the_loop_is_closed_is_of_no_effect(gunicorn, tmp_path):
    # After Ctrl-C there are two: the terminal's, and that of gunicorn's main process.
    (tmp_path / "uvloop.py").write_text(
        "import os, signal\n"
        "from asyncio.selector_events import BaseSelectorEventLoop as Loop\n"
        "close = Loop._close_self_pipe\n"
        "def close_and_be_told(self):\n"
        "    close(self)\n"
        "    print('closes', flush=True)\n"
        "    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGUSR1):\n"
        "        os.kill(os.getpid(), number)\n"
        "Loop._close_self_pipe = close_and_be_told\n"
        "raise ImportError('not installed')\n"
    )
    server = gunicorn(PYTHONPATH=str(tmp_path))
    server.get()
    server.signal(signal.SIGTERM)
    assert server.ended() < 20
    server.said("closes")
    server.said("Worker exiting")
    assert "Exception ignored" not in server.output
    assert "Traceback" not in server.output
    assert "was sent SIG" not in server.output


def test_a_worker_that_stops_says_so_once_and_without_traceback(gunicorn):
    server = gunicorn()
    server.get()
    server.signal(signal.SIGTERM)
    server.ended()
    server.said("Shutting down: Master")
    assert len(re.findall("Worker exiting", server.output)) == 1
    assert "Traceback" not in server.output


# --- Restarting -----------------------------------------------------------------------------------


def test_usr1_reopens_the_log_files(gunicorn, tmp_path):
    log = tmp_path / "access.log"
    server = gunicorn("--access-logfile", str(log))
    server.get("/hello?before")
    server.until(lambda: "before" in log.read_text())
    log.rename(tmp_path / "rotated.log")
    server.signal(signal.SIGUSR1)
    server.said("Handling signal: usr1")

    def logged_anew():
        server.get("/hello?after")
        return log.exists() and "after" in log.read_text()

    server.until(logged_anew)


def test_hup_replaces_the_workers(gunicorn):
    server = gunicorn("--graceful-timeout", "60")
    first = server.get("/pid")
    server.signal(signal.SIGHUP)
    server.said("Booting worker", times=2)
    server.said("Worker exiting")
    assert server.get("/pid") != first


def test_a_worker_ends_after_max_requests_and_is_replaced(gunicorn):
    server = gunicorn("--max-requests", "3")
    first = server.get("/pid")
    for _ in range(2):
        assert server.get("/hello") == (200, "hello")
    server.said("Autorestarting worker after 3 requests")
    server.said("Booting worker", times=2)
    server.until(lambda: server.get("/pid") != first)


def test_reload_restarts_the_worker_when_a_file_changes(gunicorn, tmp_path):
    app = tmp_path / "reloaded.py"
    source = (
        "def app(environ, start_response):\n"
        "    start_response('200 OK', [])\n"
        "    return [b'VERSION']\n"
    )
    app.write_text(source.replace("VERSION", "first"))
    server = gunicorn("--reload", app="reloaded:app", PYTHONPATH=str(tmp_path))
    assert server.get("/") == (200, "first")
    app.write_text(source.replace("VERSION", "second"))

    def noticed():
        # Touched until then, for gunicorn looks at the files for the first time after it serves.
        os.utime(app, (time.time(), app.stat().st_mtime + 1))
        return "reloaded.py modified" in server.output

    server.until(noticed)
    server.said("Booting worker", times=2)
    assert server.get("/") == (200, "second")


def test_a_worker_whose_parent_is_gone_ends(gunicorn):
    server = gunicorn()
    worker = int(server.get("/pid")[1])
    server.signal(signal.SIGKILL)
    server.said("Parent changed, shutting down")
    server.until(lambda: not alive(worker))


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
