"""Certificates for tests of encrypted connections, made by the openssl program."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def make_certificate(folder: Path, name: str = "server") -> tuple[str, str]:
    """Make a self-signed certificate for 127.0.0.1, which is its own authority.

    Args:
        folder: Where to put ``<name>.pem`` and ``<name>.key``.
        name: The subject's common name.

    Returns:
        The paths of certificate and key.
    """
    certificate, key = f"{folder}/{name}.pem", f"{folder}/{name}.key"
    command = [_openssl(), "req", "-x509", "-nodes", "-days", "2", "-newkey", "rsa:2048"]
    command += ["-keyout", key, "-out", certificate]
    command += ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key


def _openssl() -> str:
    """Return where openssl is; install it where that is possible without a question."""
    found = shutil.which("openssl")
    if found is None and shutil.which("apt-get") and os.geteuid() == 0:
        for arguments in (["update"], ["install", "--yes", "--no-install-recommends", "openssl"]):
            subprocess.run(["apt-get", *arguments], check=False, capture_output=True)
        found = shutil.which("openssl")
    if found is None:
        pytest.fail("The openssl program makes the certificates of this test: install it.")
    return found
