"""_access_log: requests through gunicorn's own logger."""

from http import HTTPStatus
from types import SimpleNamespace

import pytest
from gunicorn.glogging import Logger

from aiopyramid_gunicorn._access_log import AccessLog
from aiopyramid_gunicorn._http1.response import Response, error_response


@pytest.fixture
def response():
    response = Response("GET", (1, 1), keep_alive=True)
    response.start("201 Created", [("X-Answer", "out")])
    response.head(4)
    response.encode(b"body")
    return response


@pytest.fixture
def log_line(logger, tmp_path):
    """Log one request in a format of the test's and return the line."""

    def log_line(form, head, response, environ):
        logger.cfg.set("access_log_format", form)
        AccessLog(logger).log(head, response, environ, 0.25)
        return (tmp_path / "gunicorn.log").read_text().strip()

    return log_line


ENVIRON = {
    "REQUEST_METHOD": "GET",
    "RAW_URI": "/a?b",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "wsgi.url_scheme": "http",
    "REMOTE_ADDR": "192.0.2.1",
    "REMOTE_PORT": "1234",
    "QUERY_STRING": "b",
    "PATH_INFO": "/a",
}


@pytest.mark.parametrize(
    ("form", "line"),
    [
        ("%(r)s", "GET /a?b HTTP/1.1"),
        ("%(h)s %(m)s %(U)s %(q)s", "192.0.2.1 GET /a b"),
        ("%(s)s %(B)s", "201 4"),
        ("%({x-request}i)s %({x-answer}o)s", "in out"),
        ("%(L)s %(M)s", "0.250000 250"),
        ("%({path_info}e)s", "/a"),
    ],
)
def test_the_atoms_of_gunicorn_are_filled_in(form, line, log_line, parse, response):
    head = parse(b"GET /a?b HTTP/1.1\r\nX-Request: in\r\n\r\n")
    assert log_line(form, head, response, ENVIRON) == line


def test_a_request_that_could_not_be_parsed_has_a_line_too(log_line):
    response, _ = error_response(HTTPStatus.BAD_REQUEST, "no")
    line = log_line('%(h)s "%(r)s" %(s)s', None, response, {"REMOTE_ADDR": "192.0.2.1"})
    assert line == '192.0.2.1 "- - -" 400'


def test_a_request_whose_client_left_before_the_answer_has_a_status_of_its_own(log_line, parse):
    head = parse(b"GET /a?b HTTP/1.1\r\n\r\n")
    response = Response("GET", (1, 1), keep_alive=True)
    assert log_line("%(s)s %(B)s", head, response, ENVIRON) == "499 0"


def test_without_an_access_log_nothing_is_gathered(make_logger):
    log = AccessLog(make_logger(errorlog="/dev/null"))
    assert log.enabled is False
    # Any access would fail.
    log.log(None, None, None, None)  # type: ignore[arg-type]


def test_a_logger_with_an_access_method_of_its_own_counts_every_request(make_logger):
    class Counter(Logger):
        def access(self, resp, req, environ, request_time):
            seen.append((resp.status, request_time.total_seconds()))

    seen = []
    log = AccessLog(make_logger(Counter, errorlog="/dev/null"))
    log.log(None, SimpleNamespace(status="200 OK"), {}, 0.5)
    assert (log.enabled, seen) == (True, [("200 OK", 0.5)])


class BrokenLogger(Logger):
    def access(self, *args):
        raise LookupError("a bug")


def test_a_logger_that_fails_is_logged_and_harms_nobody(make_logger, response, parse, tmp_path):
    logger = make_logger(BrokenLogger, errorlog=str(tmp_path / "gunicorn.log"))
    head = parse(b"GET /a?b HTTP/1.1\r\nHost: test\r\n\r\n")
    AccessLog(logger).log(head, response, ENVIRON, 0.25)
    log = (tmp_path / "gunicorn.log").read_text()
    assert "The access log has failed" in log
    assert "LookupError: a bug" in log
