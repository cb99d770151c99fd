"""The standard library's WSGI server with a thread for each request, for tests.

It is the simplest of the servers with threads: an application that works here works on the others.
"""

from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

__all__ = ("ThreadedServer", "serve")


class ThreadedServer(ThreadingMixIn, WSGIServer):
    """Serves an application on a free port of 127.0.0.1.

    Args:
        application: The WSGI application.
    """

    daemon_threads = True
    request_queue_size = 100

    def __init__(self, application: Any) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.set_app(application)

    def server_bind(self) -> None:
        """Declare in the environ that the server has several threads."""
        super().server_bind()
        self.base_environ["wsgi.multithread"] = "1"

    def serve_until_interrupted(self) -> None:
        """Print the address and serve until Ctrl-C."""
        print(f"Serving on http://127.0.0.1:{self.server_port}", flush=True)
        try:
            self.serve_forever()
        except KeyboardInterrupt:
            self.server_close()


class _Handler(WSGIRequestHandler):
    def address_string(self) -> str:
        return "client"  # avoids a DNS lookup

    def log_message(self, *args: object) -> None:
        pass


def serve(application: Any, global_config: Any, **settings: str) -> None:
    """Serve an application for ``pserve``, as a ``paste.server_runner`` of PasteDeploy."""
    ThreadedServer(application).serve_until_interrupted()
