"""Certificates for tests of encrypted connections, made by the openssl program."""

import subprocess
from pathlib import Path

from system_programs import find_program


def make_certificate(folder: Path, name: str = "server") -> tuple[str, str]:
    """Make a self-signed certificate for 127.0.0.1, which is its own authority.

    Args:
        folder: Where to put ``<name>.pem`` and ``<name>.key``.
        name: The subject's common name.

    Returns:
        The paths of certificate and key.
    """
    certificate, key = f"{folder}/{name}.pem", f"{folder}/{name}.key"
    openssl = find_program("openssl", package="openssl")
    command = [openssl, "req", "-x509", "-nodes", "-days", "2", "-newkey", "rsa:2048"]
    command += ["-keyout", key, "-out", certificate]
    command += ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key
