"""A Prometheus of the tests' own, which scrapes a site."""

import contextlib
import json
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reader import free_port
from server_process import Process
from system_programs import find_program


def find_prometheus() -> str:
    """Return the path of Prometheus; as root on a Debian system, install it if need be.

    Raises:
        ProgramMissingError: There is none.
    """
    return find_program("prometheus", package="prometheus")


class PrometheusServer:
    """A server on a free port of 127.0.0.1; made by :func:`prometheus_server`.

    Args:
        port: Its port.
    """

    def __init__(self, port: str) -> None:
        self._api = f"http://127.0.0.1:{port}/api/v1"

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the series of an expression in PromQL, each with its present value."""
        series: list[dict[str, Any]] = self._get("query", query=expression)["result"]
        return series

    def label_values(self, metric: str, label: str) -> list[str]:
        """Return the values of a label, as ``label_values()`` does in Grafana."""
        values: list[str] = self._get(f"label/{label}/values", **{"match[]": metric})
        return values

    def _get(self, path: str, **parameters: str) -> Any:
        url = f"{self._api}/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=30) as response:
            return json.load(response)["data"]


@contextlib.contextmanager
def prometheus_server(settings: str) -> Iterator[PrometheusServer]:
    """Run a server; end it afterwards.

    Args:
        settings: Its configuration file, in YAML.

    Raises:
        ProgramMissingError: Prometheus is not installed, and cannot be.
    """
    program = find_prometheus()
    with tempfile.TemporaryDirectory(prefix="prometheus") as folder:
        file = Path(folder, "prometheus.yml")
        file.write_text(settings)
        port = free_port()
        where = f"--web.listen-address=127.0.0.1:{port}", f"--storage.tsdb.path={folder}/data"
        process = Process([program, f"--config.file={file}", *where], {})
        try:
            process.said("Server is ready to receive web requests")
            yield PrometheusServer(port)
        finally:
            process.close()
