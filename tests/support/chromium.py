"""A headless Chromium for tests, driven over its DevTools protocol with aiohttp's WebSocket client.

::

    async with Chromium(find_chromium(), folder) as browser:
        window = await browser.open("http://127.0.0.1:6543/")
        await window.until("document.title == 'Hello'")
"""

import asyncio
import base64
import itertools
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp
from system_programs import find_program

PATIENCE_SECONDS: Final = 30.0

_OPTIONS: Final = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-quic", "--disable-dev-shm-usage", "--no-proxy-server"),
    "--remote-debugging-port=0",
)


def find_chromium() -> str:
    """Return the path of Chromium; as root on a Debian system, install it if need be.

    Raises:
        ProgramMissingError: There is none.
    """
    names = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
    return find_program(*names, package="chromium")


class CommandError(Exception):
    """The browser did not do what it was told, and says why."""


class Chromium:
    """A browser of its own, with an empty profile; an async context manager.

    Args:
        program: Its path.
        folder: An empty folder for its profile.
    """

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self._folder = folder
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def __aenter__(self) -> "Chromium":
        """Start the browser and connect to it."""
        self._process = await asyncio.create_subprocess_exec(
            self._program,
            *_OPTIONS,
            f"--user-data-dir={self._folder}",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                port, path = await self._endpoint()
                self._http = aiohttp.ClientSession()
                self._socket = await self._http.ws_connect(
                    f"ws://127.0.0.1:{port}{path}", max_msg_size=0
                )
        except BaseException:
            self._process.kill()
            await self._process.wait()
            raise
        self._listening = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Close it."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self.command("Browser.close")
                await self._process.wait()
        finally:
            if self._process.returncode is None:
                self._process.kill()
                await self._process.wait()
            self._listening.cancel()
            await self._http.close()

    async def new_profile(self) -> str:
        """Return the identifier of another empty profile, with connections of its own."""
        told = await self.command("Target.createBrowserContext")
        identifier: str = told["browserContextId"]
        return identifier

    async def open(
        self, url: str, width: int = 1280, height: int = 800, profile: str | None = None
    ) -> "Window":
        """Open a page in a window of its own; sizes in CSS pixels."""
        wanted: dict[str, Any] = {"url": url, "newWindow": True}
        if profile is not None:
            wanted["browserContextId"] = profile
        target = await self.command("Target.createTarget", wanted)
        attached = await self.command("Target.attachToTarget", target | {"flatten": True})
        window = Window(self, attached["sessionId"])
        await window.resize(width, height)
        # A new window begins with an empty page, which is complete.
        await window.until("location.protocol != 'about:' && document.readyState == 'complete'")
        return window

    async def command(
        self, method: str, parameters: Mapping[str, Any] | None = None, session: str | None = None
    ) -> dict[str, Any]:
        """Send a command and return its result."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": parameters or {}}
        await self._socket.send_json(message | ({"sessionId": session} if session else {}))
        async with asyncio.timeout(PATIENCE_SECONDS):
            told = await answer
        if "error" in told:
            raise CommandError(f"{method}: {told['error']['message']}")
        result: dict[str, Any] = told["result"]
        return result

    async def _endpoint(self) -> list[str]:
        """Return port and path of its WebSocket, which it writes into its profile."""
        told = self._folder / "DevToolsActivePort"
        while True:
            lines = told.read_text().splitlines() if told.exists() else []
            if len(lines) == 2:
                return lines
            assert self._process.returncode is None, f"{self._program} has ended by itself"
            await asyncio.sleep(0.05)

    async def _listen(self) -> None:
        async for message in self._socket:
            told = json.loads(message.data)
            if "id" in told:  # otherwise it is an event
                self._answers.pop(told["id"]).set_result(told)


class Window:
    """A window of the browser with a page in it."""

    def __init__(self, browser: Chromium, session: str) -> None:
        self._browser = browser
        self._session = session

    async def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression."""
        told = await self._command(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    async def until(self, expression: str) -> None:
        """Wait until a JavaScript expression is true."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not await self._is_true(expression):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            text = await self.evaluate("document.body.innerText")
            raise AssertionError(f"never true: {expression}\n{text}") from None

    async def _is_true(self, expression: str) -> bool:
        try:
            return bool(await self.evaluate(f"Boolean({expression})"))
        except CommandError:
            return False  # the page is being left; nothing is true between two pages

    async def click(self, selector: str) -> None:
        """Click on an element, which may lead to another page."""
        # Later, so that this command is answered before the page is left.
        await self.evaluate(f"void setTimeout(() => document.querySelector({selector!r}).click())")

    async def type(self, text: str) -> None:
        """Type into what has the focus, and press Enter."""
        await self._command("Input.insertText", text=text)
        for kind in ("keyDown", "keyUp"):
            await self._command(
                "Input.dispatchKeyEvent",
                type=kind,
                key="Enter",
                code="Enter",
                windowsVirtualKeyCode=13,
                **({"text": "\r"} if kind == "keyDown" else {}),
            )

    async def resize(self, width: int, height: int) -> None:
        """Give the page another size, in CSS pixels."""
        await self._command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )

    async def prefer(self, scheme: str) -> None:
        """Ask the page for a colour scheme, ``light`` or ``dark``, as its user's system does."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        await self._command("Emulation.setEmulatedMedia", features=[feature])

    async def close(self) -> None:
        """Close it, as its user would."""
        await self._command("Page.close")

    async def screenshot(self, path: Path) -> None:
        """Save what the window shows, as PNG."""
        path.parent.mkdir(parents=True, exist_ok=True)
        told = await self._command("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(told["data"]))

    async def _command(self, method: str, **parameters: Any) -> dict[str, Any]:
        return await self._browser.command(method, parameters, self._session)
