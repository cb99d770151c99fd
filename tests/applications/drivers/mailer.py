"""pyramid_mailer with pyramid_tm: mail that is delivered when a transaction is committed."""

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from server_process import Process

from .figures import Figure, http_client, in_parallel
from .scratch import Scratch
from .ways import Way, serving

REQUIREMENTS: Final = ("pyramid-mailer~=0.15", "pyramid-tm~=2.6", "plaster-pastedeploy", "aiosmtpd")

_MAILS: Final = 10
_DELIVERY_SECONDS: Final = 5.0
"""How long a mail may take that was answered for: there is none on the way any more."""

_INI: Final = """\
[app:main]
use = call:mail_site:main
pyramid.includes = {includes}
mail.host = 127.0.0.1
mail.port = {port}
"""


def mails(scratch: Scratch, way: Way) -> Figure:
    """Ten clients send a mail each; count what the SMTP server has got."""
    folder = scratch.fresh("mail")
    with _smtp_server(scratch, folder / "box") as port:
        ini = folder / "mail.ini"
        ini.write_text(_INI.format(includes=way.includes, port=port))
        with serving(scratch, way, "--paste", str(ini)) as served:

            def client(number: int) -> None:
                data = {"subject": f"mail {number}"}
                with http_client(served.site) as browser:
                    browser.post("/send", data=data).raise_for_status()

            answered = in_parallel(client, _MAILS)
            delivered = _delivered(folder / "box", answered.right)
            remarks = (f"{answered.right} answered 200",) if delivered != answered.right else ()
            remarks += (*answered.remarks, *served.complaints())
    return Figure(delivered, _MAILS, answered.seconds, remarks)


def _delivered(box: Path, wanted: int) -> int:
    deadline = time.monotonic() + _DELIVERY_SECONDS
    while (found := len(list((box / "new").glob("*")))) < wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


@contextlib.contextmanager
def _smtp_server(scratch: Scratch, box: Path) -> Iterator[int]:
    """Run aiosmtpd, which keeps what it gets in a maildir; yield its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    handler = ("--class", "aiosmtpd.handlers.Mailbox", str(box))
    command = ["-m", "aiosmtpd", "--nosetuid", "--debug", "--listen", f"127.0.0.1:{port}"]
    process = Process([str(scratch.python), *command, *handler], {})
    try:
        process.said("Server is listening")
        yield port
    finally:
        process.close()
