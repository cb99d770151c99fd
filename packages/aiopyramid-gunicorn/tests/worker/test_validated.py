"""worker: the standard library's validator between server and application finds nothing wrong."""

import http.client
from pathlib import Path

import pytest
from server_process import PATIENCE_SECONDS

SOURCE = Path(__file__).with_name("validated_app.py").read_bytes()


@pytest.fixture(scope="module")
def validated(served_by):
    """One gunicorn for all tests of this module."""
    with served_by("--keep-alive", "30", app="validated_app:main()") as process:
        yield process


@pytest.fixture
def ask(validated):
    """Send a request; return status and body. There must be nothing to complain of."""

    def ask(path, *, method="GET", body=None, version=11, chunked=False, **headers):
        client = http.client.HTTPConnection("127.0.0.1", validated.port, timeout=PATIENCE_SECONDS)
        client._http_vsn, client._http_vsn_str = version, f"HTTP/1.{version % 10}"
        client.request(method, path, body, headers, encode_chunked=chunked)
        response = client.getresponse()
        answer = response.status, response.read()
        client.close()
        assert "AssertionError" not in validated.output
        return answer

    return ask


BODIES = {
    "/in_a_list": b"in a list",
    "/in_a_thread": b"in a thread",
    "/generated": b"generated",
    "/generated_on_the_loop": b"on the loop",
    "/file": SOURCE,
    "/upload": b"GET of 0",
    "/in_a_list?a=%20&b": b"in a list",
}


@pytest.mark.parametrize("version", [10, 11])
@pytest.mark.parametrize("path", BODIES)
def test_an_answer_is_valid(ask, path, version):
    assert ask(path, version=version) == (200, BODIES[path])


@pytest.mark.parametrize("path", BODIES)
def test_an_answer_to_head_is_valid(ask, path):
    assert ask(path, method="HEAD") == (200, b"")


@pytest.mark.parametrize(("path", "status"), [("/nothing", 204), ("/not_modified", 304)])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_answer_that_has_no_body_is_valid(ask, path, status, method):
    assert ask(path, method=method) == (status, b"")


def test_a_redirection_is_valid(ask):
    assert ask("/elsewhere")[0] == 303


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_an_upload_is_valid(ask, method, size):
    assert ask("/upload", method=method, body=b"x" * size) == (200, f"{method} of {size}".encode())


def test_an_upload_in_chunks_is_valid(ask):
    coding = {"Transfer-Encoding": "chunked"}
    answer = ask("/upload", method="POST", body=iter([b"ab", b"c"]), chunked=True, **coding)
    assert answer == (200, b"POST of 3")


def test_a_form_with_a_file_is_valid(ask):
    lines = [b"--limit", b'Content-Disposition: form-data; name="file"; filename="a.txt"']
    lines += [b"Content-Type: text/plain", b"", b"x" * 100_000, b"--limit--", b""]
    kind = {"Content-Type": "multipart/form-data; boundary=limit"}
    answer = ask("/form", method="POST", body=b"\r\n".join(lines), **kind)
    assert answer == (200, b"a.txt: 100000")


def test_an_error_of_the_application_is_the_only_one_in_the_log(ask, validated):
    assert ask("/fails")[0] == 500
    validated.said("^LookupError: expected$")
    assert validated.output.count("Error handling request") == 1
