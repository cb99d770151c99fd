"""Synchronous code below ``AsyncSession.run_sync()``."""

from myapp.entries import Entry
from myapp.prices import fetch_price

from aiopyramid_core import synchronize


@synchronize
async def price_of(name):
    return await fetch_price(name)


def add_with_price(session, name):
    entry = Entry(name=name, price=price_of(name))
    session.add(entry)
    session.flush()
    return entry.price


async def add_priced(request):
    price = await request.db.run_sync(add_with_price, request.params["name"])
    return {"price": price}
