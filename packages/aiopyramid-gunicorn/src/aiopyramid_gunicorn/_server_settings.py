"""The settings of a server, which its connections read as well."""

from dataclasses import dataclass
from typing import Any

from gunicorn.http.wsgi import base_environ

from aiopyramid_core.servers import FileWrapper

from ._http1.environ import EnvironSettings
from ._http1.limits import Limits, Times
from ._settings import sends_files

__all__ = ("ServerSettings", "server_settings_of")


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerSettings:
    """How a server treats its clients.

    Attributes:
        environ: The settings from which environs are built.
        limits: How much a client may send.
        times: How long it may take.
        proxy_protocol: gunicorn's setting of that name: ``off``, ``v1``, ``v2`` or ``auto``.
        sends_files: Whether the system sends files itself (gunicorn's ``sendfile``).
        max_connections: Connections at a time; further ones wait in the kernel's backlog.
        max_requests: Number of requests after which the server asks to be restarted; None for no
            limit.
    """

    environ: EnvironSettings
    limits: Limits
    times: Times
    proxy_protocol: str = "off"
    sends_files: bool = True
    max_connections: int = 1000
    max_requests: int | None = None


def server_settings_of(worker: Any) -> ServerSettings:
    """Return the settings that gunicorn's settings and a worker's class attributes ask for.

    Args:
        worker: An :class:`~aiopyramid_gunicorn.worker.AsyncGunicornWorker`.
    """
    cfg = worker.cfg
    environ = base_environ(cfg)
    environ |= {"wsgi.file_wrapper": FileWrapper, "wsgi.multithread": True}
    return ServerSettings(
        environ=EnvironSettings.from_settings(cfg, environ),
        limits=Limits.from_settings(
            cfg,
            body_bytes=worker.body_limit_bytes,
            body_memory_bytes=worker.body_memory_bytes,
            write_buffer_bytes=worker.write_buffer_bytes,
            head_bytes=worker.head_limit_bytes,
        ),
        times=Times(
            head_seconds=worker.head_timeout_seconds,
            body_seconds=worker.body_timeout_seconds,
            keep_alive_seconds=cfg.keepalive,
            write_seconds=worker.write_timeout_seconds,
            body_grace_seconds=worker.body_grace_seconds,
            body_bytes_per_second=worker.body_rate_bytes_per_second,
        ),
        proxy_protocol=cfg.proxy_protocol,
        sends_files=sends_files(cfg),
        max_connections=cfg.worker_connections,
        max_requests=worker.max_requests,
    )
