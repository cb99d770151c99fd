"""failures: what is logged, and what is answered."""

import asyncio
import logging
from http import HTTPStatus

import pytest

from aiopyramid_core.exceptions import ApplicationError, ClientDisconnected, ContentTooLarge
from aiopyramid_core.servers import plain_text, report_failure

logger = logging.getLogger("test")


@pytest.mark.parametrize(
    ("error", "gone", "status", "level", "text"),
    [
        (ContentTooLarge("too much"), False, 413, "WARNING", "GET /: too much"),
        (ClientDisconnected("left"), False, None, "DEBUG", "GET /: left"),
        (asyncio.CancelledError(), False, 503, "WARNING", "GET / was cancelled before"),
        (ApplicationError("bad"), False, 500, "ERROR", "Error handling request GET /"),
        (LookupError("bug"), True, 500, "ERROR", "Error handling request GET /"),
        (SystemExit(), False, 500, "ERROR", "Error handling request GET /"),
    ],
)
def test_a_failure_is_logged_once_and_has_a_status(caplog, error, gone, status, level, text):
    caplog.set_level(logging.DEBUG)
    assert report_failure(error, "GET /", logger, client_is_gone=gone) == status
    (record,) = caplog.records
    assert record.levelname == level
    assert record.getMessage().startswith(text)
    assert bool(record.exc_info) == (level == "ERROR")


def test_a_request_that_was_cancelled_because_its_client_has_gone_is_not_logged(caplog):
    caplog.set_level(logging.DEBUG)
    error = asyncio.CancelledError()
    assert report_failure(error, "GET /", logger, client_is_gone=True) is None
    assert not caplog.records


@pytest.mark.parametrize(("detail", "body"), [(None, b"Not Found\n"), ("No!", b"No!\n")])
def test_the_answer_is_plain_text_with_its_length(detail, body):
    line, fields, sent = plain_text(HTTPStatus.NOT_FOUND, detail)
    assert (line, sent) == ("404 Not Found", body)
    assert dict(fields) == {
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Length": str(len(body)),
    }
