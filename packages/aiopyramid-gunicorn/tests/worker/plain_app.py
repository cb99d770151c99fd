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
    """Answer in always the same way, with the status that the query wants."""
    status = environ["QUERY_STRING"] if environ["PATH_INFO"] == "/status" else "200 OK"
    return _answer(start_response, status.replace("+", " "), b"brief")


def _answer(start_response, status, body):
    length = ("Content-Length", str(len(body)))
    start_response(status, [("Content-Type", "application/json"), ("X-Answer", "out"), length])
    return [body]
