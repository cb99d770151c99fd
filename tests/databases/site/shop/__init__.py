"""A shop, whose database code knows nothing of asyncio."""
