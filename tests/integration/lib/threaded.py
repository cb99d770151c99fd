"""A plain WSGI server with a thread for each request, as mod_wsgi's daemon processes are.

``python -m threaded MODULE`` serves ``MODULE.main()``.
"""

import logging
import sys
from importlib import import_module
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer


class ThreadedServer(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 100

    def server_bind(self) -> None:
        super().server_bind()
        self.base_environ["wsgi.multithread"] = "1"


class Handler(WSGIRequestHandler):
    def address_string(self) -> str:
        return "client"  # or else it asks the resolver

    def log_message(self, *args: object) -> None:
        pass


def main() -> None:
    logging.basicConfig(level=logging.INFO)
    server = ThreadedServer(("127.0.0.1", 0), Handler)
    server.set_app(import_module(sys.argv[1]).main())
    print(f"Serving on http://127.0.0.1:{server.server_port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


main()
