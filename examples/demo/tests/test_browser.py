"""The chat room in a real browser; screenshots go to build/screenshots."""

import asyncio
from pathlib import Path

import pytest
from axe import serious_findings
from chromium import Chromium, Window, find_chromium
from system_programs import ProgramMissingError

SCREENSHOTS = Path(__file__).parents[3] / "build/screenshots"

SAID = "[...document.querySelectorAll('#said span')].some((item) => item.textContent == {0!r})"
HERE = "[...document.querySelectorAll('#here li')].map((item) => item.textContent).join() == {0!r}"


@pytest.fixture(scope="module")
def program() -> str:
    try:
        return find_chromium()
    except ProgramMissingError as error:
        pytest.skip(str(error))


async def enter(browser: Chromium, server: str, name: str, *size: int) -> Window:
    window = await browser.open(f"{server}/chat", *size)
    await window.evaluate("document.querySelector('#name').focus()")
    await window.type(name)
    await window.until("document.querySelector('#chat.open')")
    return window


async def say(window: Window, text: str) -> None:
    await window.evaluate("document.querySelector('#text').focus()")
    await window.type(text)


def test_two_windows_talk(program: str, server: str, tmp_path: Path) -> None:
    async def run() -> None:
        async with Chromium(program, tmp_path) as browser:
            ada = await enter(browser, server, "Ada", 1280, 900)
            await say(ada, "Is anybody here?")
            bob = await enter(browser, server, "Bob", 390, 844)
            await bob.until(SAID.format("Is anybody here?"))  # said before Bob came

            await say(bob, "I am <b>here</b>, on a small screen")
            await ada.until(SAID.format("I am <b>here</b>, on a small screen"))
            await say(ada, "So the same WebSocket view serves both of us, each at our own pace.")
            await bob.until(
                SAID.format("So the same WebSocket view serves both of us, each at our own pace.")
            )
            for window in (ada, bob):
                await window.until(HERE.format("Ada,Bob"))
                assert await serious_findings(window) == []

            await ada.screenshot(SCREENSHOTS / "chat-1280.png")
            await bob.screenshot(SCREENSHOTS / "chat-390.png")
            for window in (ada, bob):  # nothing sticks out of the page
                await window.until("document.documentElement.scrollWidth <= innerWidth")

            await bob.close()
            await ada.until(HERE.format("Ada"))

    asyncio.run(run())


def test_the_home_page_leads_to_the_room(program: str, server: str, tmp_path: Path) -> None:
    async def run() -> None:
        async with Chromium(program, tmp_path) as browser:
            window = await browser.open(server, 390, 844)
            await window.until("document.documentElement.scrollWidth <= innerWidth")
            await window.click('a.button[href$="/chat"]')
            await window.until("document.querySelector('#enter')")
            await window.screenshot(SCREENSHOTS / "chat-entrance-390.png")

    asyncio.run(run())


def test_an_accessibility_checker_finds_nothing_serious(
    program: str, server: str, tmp_path: Path
) -> None:
    async def run() -> None:
        async with Chromium(program, tmp_path) as browser:
            found = {}
            for path in ("/", "/fan-out", "/blocking", "/ordinary", "/chat"):
                for width in (1280, 390):
                    window = await browser.open(server + path, width, 900)
                    found[path, width] = await serious_findings(window)
            assert not any(found.values()), found

    asyncio.run(run())


def test_the_headings_of_a_result_follow_one_another(
    program: str, server: str, tmp_path: Path
) -> None:
    levels = "[...document.querySelectorAll('h1, h2, h3')].map((each) => +each.tagName[1])"

    async def run() -> None:
        async with Chromium(program, tmp_path) as browser:
            window = await browser.open(f"{server}/ordinary", 1280, 900)
            assert await window.evaluate(levels) == [1, 2, 2]

    asyncio.run(run())
