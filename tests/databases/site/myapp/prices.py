"""Something that has to be awaited."""

import asyncio


async def fetch_price(name):
    await asyncio.sleep(0.01)
    return len(name)
