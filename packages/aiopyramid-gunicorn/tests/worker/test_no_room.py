"""worker: no room for a request body, no descriptor, on a real system."""

import contextlib
import http.client
import os
import subprocess

import pytest
from server_process import PATIENCE_SECONDS

BODY = bytes(1_000_000)  # more than is kept in memory

APPLICATION = """
import os
import resource


def app(environ, start_response):
    lack = environ["PATH_INFO"]
    if lack == "/files":
        limit(resource.RLIMIT_FSIZE, 600_000)
    elif lack == "/descriptors":
        with open(os.devnull) as lowest:
            free = lowest.fileno()
        limit(resource.RLIMIT_NOFILE, free)
    body = str(len(environ["wsgi.input"].read())).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


def limit(what, number):
    resource.setrlimit(what, (number, resource.getrlimit(what)[1]))
"""


@pytest.fixture(params=["uvloop", "asyncio"])
def serve(request, gunicorn, tmp_path):
    """Serve the application, whose bodies are spilled into a folder."""
    (tmp_path / "application.py").write_text(APPLICATION)
    if request.param == "asyncio":
        (tmp_path / "uvloop.py").write_text("raise ImportError('hidden by the test')")

    def serve(folder):
        (tmp_path / "conf.py").write_text(f"tmp_upload_dir = {str(folder)!r}\n")
        options = ("-c", str(tmp_path / "conf.py"), "--keep-alive", "30")
        return gunicorn(*options, app="application:app", PYTHONPATH=str(tmp_path))

    return serve


@pytest.fixture
def full_disk(tmp_path):
    """A folder with room for nothing much."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root may mount a disk that is full soon")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def ask(client, path="/", body=None):
    client.request("POST" if body else "GET", path, body)
    answer = client.getresponse()
    return answer.status, answer.read()


def check(server, folder, lack, reason):
    def client():
        made = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_SECONDS)
        return contextlib.closing(made)

    with client() as first:
        assert ask(first, f"/{lack}") == (200, b"0")
        assert ask(first, "/", BODY)[0] == 507
    with client() as second:
        assert ask(second) == (200, b"0")
    assert os.listdir(folder) == []
    server.said(f"the request body cannot be kept: {reason}")
    assert server.output.count("cannot be kept") == 1
    assert "Traceback" not in server.output
    assert server.output.count("Booting worker") == 1


@pytest.mark.parametrize(
    ("lack", "reason"), [("files", "File too large"), ("descriptors", "Too many open files")]
)
def test_a_body_that_the_system_has_no_room_for_is_answered_with_507(serve, tmp_path, lack, reason):
    folder = tmp_path / "spill"
    folder.mkdir()
    check(serve(folder), folder, lack, reason)


def test_a_body_on_a_full_disk_is_answered_with_507(serve, full_disk):
    check(serve(full_disk), full_disk, "disk", "No space left on device")
