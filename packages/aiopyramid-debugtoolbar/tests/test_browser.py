"""The panels in a real browser; screenshots go to build/screenshots."""

import asyncio
import re
from pathlib import Path

import aiohttp
import pytest
from chromium import Chromium, Window, find_chromium
from system_programs import ProgramMissingError

from aiopyramid_core.testing import serving

SCREENSHOTS = Path(__file__).parents[3] / "build/screenshots"
FITS = "document.documentElement.scrollWidth <= innerWidth"


@pytest.fixture(scope="module")
def program():
    try:
        return find_chromium()
    except ProgramMissingError as error:
        pytest.skip(str(error))


@pytest.fixture
def url():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent / "served"))
        with serving("traced_app:main", "gunicorn") as server:
            yield server.url


async def show(window: Window, scheme: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    await window._command("Emulation.setEmulatedMedia", features=features)


def test_the_panel_opens_in_the_toolbar_and_its_page_fits_every_screen(program, url, tmp_path):
    async def run():
        async with aiohttp.ClientSession() as http, http.get(f"{url}/coroutine") as response:
            identity = re.search(r"/_debug_toolbar/([0-9a-f]+)", await response.text())[1]
        async with Chromium(program, tmp_path) as browser:
            toolbar = await browser.open(f"{url}/_debug_toolbar/{identity}", 1280, 900)
            await toolbar.click("#pDebugPanel-waterfall a")
            await toolbar.until("document.querySelector('.aiop .bar.task').offsetWidth > 0")
            await toolbar.screenshot(SCREENSHOTS / "waterfall-toolbar-1280.png")
            for width in (1280, 390):
                page = await browser.open(f"{url}/_debug_toolbar/{identity}/waterfall", width)
                for scheme in ("light", "dark"):
                    await show(page, scheme)
                    await page.until(FITS)
                    await page.screenshot(SCREENSHOTS / f"waterfall-{width}-{scheme}.png")
                paper = "getComputedStyle(document.querySelector('.aiop')).backgroundColor"
                assert await page.evaluate(paper) == "rgb(23, 28, 36)"
                await page.click("details > summary")
                await page.until("document.querySelector('details .wait-row').offsetHeight > 0")
                # All tracks have the axis of the first one.
                lefts = await page.evaluate(
                    "[...document.querySelectorAll('.track')].filter((each) => each.offsetWidth)"
                    ".map((each) => Math.round(each.getBoundingClientRect().left))"
                )
                assert len(lefts) > 5
                assert len(set(lefts)) == 1
                await page.close()

    asyncio.run(run())
