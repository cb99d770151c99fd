"""WSGI applications without any framework."""

import json


def app(environ, start_response):
    """Answer with the environ, as far as it is text, numbers or booleans."""
    body = environ["wsgi.input"].read()
    told = {k: v for k, v in environ.items() if isinstance(v, str | int | tuple)}
    told["body"] = len(body)
    told["keys"] = sorted(environ)
    certificate = getattr(environ.get("gunicorn.socket"), "getpeercert", None)
    told["certificate"] = certificate and certificate()
    return _answer(start_response, "200 OK", json.dumps(told).encode())


def brief(environ, start_response):
    """Answer in always the same way, or without a body and with the status of the query."""
    if environ["PATH_INFO"] == "/status":
        start_response(environ["QUERY_STRING"].replace("+", " "), [("X-Answer", "out")])
        return []
    body = _answer(start_response, "200 OK", b"brief")
    # It is for the application to leave the body out; gunicorn 25 does not.
    return [] if environ["REQUEST_METHOD"] == "HEAD" else body


def _answer(start_response, status, body):
    length = ("Content-Length", str(len(body)))
    start_response(status, [("Content-Type", "application/json"), ("X-Answer", "out"), length])
    return [body]
