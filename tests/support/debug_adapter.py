"""A client of the Debug Adapter Protocol, as an editor has one: breakpoints, stacks, variables."""

import json
import socket
import time
from collections.abc import Mapping
from typing import Any

from server_process import PATIENCE_SECONDS


class DebugAdapter:
    """A connection to a debugger, whose session begins at once.

    Args:
        port: The port of 127.0.0.1 at which it listens, or will listen.
        breakpoints: The lines at which to stop, by file.
        **arguments: Those of the request ``attach``.
    """

    def __init__(self, port: int, breakpoints: Mapping[str, list[int]], **arguments: Any) -> None:
        self._socket = _connect(port)
        self._stream = self._socket.makefile("rb")
        self._number = 0
        self._events: list[dict[str, Any]] = []
        self.ask("initialize", adapterID="debugpy", pathFormat="path")
        attaching = self._send("attach", {"justMyCode": True, **arguments})
        self.event("initialized")
        for path, lines in breakpoints.items():
            places = [{"line": line} for line in lines]
            self.ask("setBreakpoints", source={"path": path}, breakpoints=places)
        self.ask("configurationDone")
        self._answer(attaching)

    def stop(self) -> tuple[str, int, dict[str, str]]:
        """Wait for a breakpoint; return its function, its line and the variables, and continue."""
        thread = self.event("stopped")["threadId"]
        top = self.ask("stackTrace", threadId=thread)["stackFrames"][0]
        scope = self.ask("scopes", frameId=top["id"])["scopes"][0]
        found = self.ask("variables", variablesReference=scope["variablesReference"])["variables"]
        self.ask("continue", threadId=thread)
        return top["name"], top["line"], {each["name"]: each["value"] for each in found}

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Send a request, and return the body of its response."""
        return self._answer(self._send(command, arguments))

    def event(self, name: str) -> dict[str, Any]:
        """Wait for an event, and return its body."""
        while True:
            for event in self._events:
                if event["event"] == name:
                    self._events.remove(event)
                    body: dict[str, Any] = event.get("body", {})
                    return body
            self._receive()

    def close(self) -> None:
        """Leave the program alone."""
        self._stream.close()
        self._socket.close()

    def _send(self, command: str, arguments: Mapping[str, Any]) -> int:
        self._number += 1
        message = {"seq": self._number, "type": "request", "command": command}
        body = json.dumps(message | {"arguments": arguments}).encode()
        self._socket.sendall(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        return self._number

    def _answer(self, number: int) -> dict[str, Any]:
        while True:
            message = self._receive()
            if message["type"] == "response" and message["request_seq"] == number:
                assert message["success"], message
                body: dict[str, Any] = message.get("body") or {}
                return body

    def _receive(self) -> dict[str, Any]:
        length = 0
        while line := self._stream.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        assert length, "the debugger has closed the connection"
        message: dict[str, Any] = json.loads(self._stream.read(length))
        if message["type"] == "event":
            self._events.append(message)
        return message


def _connect(port: int) -> socket.socket:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS)
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, f"nobody listens at port {port}"
            time.sleep(0.02)
