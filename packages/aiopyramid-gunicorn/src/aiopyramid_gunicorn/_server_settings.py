"""The settings of a server, which its connections read as well."""

from dataclasses import dataclass

from ._http1.environ import EnvironSettings
from ._http1.limits import Limits, Times

__all__ = ("ServerSettings",)


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
