"""The pages in a real browser; screenshots go to build/screenshots."""

import asyncio
from pathlib import Path

import pytest
from aiopyramid_demo.views.answer import ANSWER, BREAK
from axe import serious_findings
from chromium import Chromium, Window, find_chromium
from system_programs import ProgramMissingError

SCREENSHOTS = Path(__file__).parents[3] / "build/screenshots"

SAID = "[...document.querySelectorAll('#said span')].some((item) => item.textContent == {0!r})"
HERE = "[...document.querySelectorAll('#here li')].map((item) => item.textContent).join() == {0!r}"

on_one_server = pytest.mark.parametrize("server", ["pserve"], indirect=True)
"""The pages are the same on both."""


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


@on_one_server
def test_the_home_page_leads_to_the_room(program: str, server: str, tmp_path: Path) -> None:
    async def run() -> None:
        async with Chromium(program, tmp_path) as browser:
            window = await browser.open(server, 390, 844)
            await window.until("document.documentElement.scrollWidth <= innerWidth")
            await window.click('a.button[href$="/chat"]')
            await window.until("document.querySelector('#enter')")
            await window.screenshot(SCREENSHOTS / "chat-entrance-390.png")

    asyncio.run(run())


def test_an_answer_arrives_word_by_word_and_goes_on_after_a_broken_connection(
    program: str, server: str, tmp_path: Path
) -> None:
    words = "[...document.querySelectorAll('.answer span')].map((word) => word.textContent)"

    async def run() -> None:
        async with Chromium(program, tmp_path) as browser:
            window = await browser.open(f"{server}/answer", 390, 844)
            await window.click("[data-panel]")
            await window.until(f"{words}.length > 0")
            assert len(await window.evaluate(words)) < len(ANSWER)  # the rest is yet to come
            await window.until("document.querySelector('#answer:not([aria-busy])')")
            assert await window.evaluate(words) == ANSWER
            headline = await window.evaluate("document.querySelector('.headline').textContent")
            assert headline.endswith("over 2 connections: none missing, none twice")
            marks = "[...document.querySelectorAll('mark')].map((mark) => mark.textContent)"
            assert await window.evaluate(marks) == [f"resumed after word {BREAK}"]
            assert await serious_findings(window) == []
            await window.until("document.documentElement.scrollWidth <= innerWidth")
            await window.screenshot(SCREENSHOTS / "answer-390.png")

    asyncio.run(run())


@on_one_server
def test_the_result_of_a_panel_appears_beside_its_button(
    program: str, server: str, tmp_path: Path
) -> None:
    async def run() -> None:
        async with Chromium(program, tmp_path) as browser:
            window = await browser.open(server, 1280, 900)
            await window.click("[data-panel=planets]")
            moons = "[...document.querySelectorAll('#planets dd')].map((moon) => moon.textContent)"
            await window.until(f"{moons}.includes('Ganymede')")
            assert await window.evaluate("location.pathname") == "/"
            await window.evaluate("document.querySelector('#planets').scrollIntoView()")
            await window.screenshot(SCREENSHOTS / "planets-1280.png")

    asyncio.run(run())


async def open_beads(browser: Chromium, server: str, *size: int) -> tuple[Window, str]:
    """Open the page in a profile of its own; return the worker that sends it events, too."""
    window = await browser.open(f"{server}/beads", *size, profile=await browser.new_profile())
    await window.until("document.querySelector('.string small')")
    title = "document.querySelector('.string:has(small) h2').firstChild.textContent"
    return window, await window.evaluate(title)


def test_beads_reach_the_windows_of_two_browsers_on_two_workers(
    program: str, four_workers: str, tmp_path: Path
) -> None:
    async def run() -> None:
        async with Chromium(program, tmp_path) as browser:
            one, worker = await open_beads(browser, four_workers, 1280, 900)
            other, other_worker = await open_beads(browser, four_workers, 390, 844)
            while other_worker == worker:
                await other.close()
                other, other_worker = await open_beads(browser, four_workers, 390, 844)
            await other.prefer("dark")

            for window in (one, other):
                for _ in range(3):
                    await window.click("#add button")
            for window in (one, other):
                await window.until(
                    "document.querySelector('#status').textContent"
                    " == '6 beads, 3 of them from this window'"
                )
                assert await serious_findings(window) == []
                await window.until("document.documentElement.scrollWidth <= innerWidth")
            await one.screenshot(SCREENSHOTS / "beads-1280.png")
            await other.screenshot(SCREENSHOTS / "beads-390-dark.png")

    asyncio.run(asyncio.wait_for(run(), 120))


@on_one_server
def test_an_accessibility_checker_finds_nothing_serious(
    program: str, server: str, tmp_path: Path
) -> None:
    pages = ("/", "/fan-out", "/blocking", "/ordinary", "/answer", "/planets", "/beads", "/chat")

    async def run() -> None:
        async with Chromium(program, tmp_path) as browser:
            found = {}
            for path in pages:
                window = await browser.open(server + path, 1280, 900)
                found[path, "light"] = await serious_findings(window)
                await window.resize(390, 844)
                await window.prefer("dark")
                found[path, "dark, small"] = await serious_findings(window)
                await window.close()
            assert not any(found.values()), found

    asyncio.run(run())


@on_one_server
def test_the_headings_of_a_result_follow_one_another(
    program: str, server: str, tmp_path: Path
) -> None:
    levels = "[...document.querySelectorAll('h1, h2, h3')].map((each) => +each.tagName[1])"

    async def run() -> None:
        async with Chromium(program, tmp_path) as browser:
            window = await browser.open(f"{server}/ordinary", 1280, 900)
            assert await window.evaluate(levels) == [1, 2, 2]

    asyncio.run(run())
