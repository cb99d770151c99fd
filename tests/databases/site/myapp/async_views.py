"""Views that await an AsyncSession."""

from myapp.entries import Entry
from sqlalchemy import select

from aiopyramid_core import await_


async def add(request):
    request.db.add(Entry(name=request.params["name"]))
    return {"added": request.params["name"]}


async def names(request):
    return {"names": sorted(await request.db.scalars(select(Entry.name)))}


def names_from_a_thread(request):
    """A synchronous view: its thread waits, while the event loop queries."""
    return {"names": sorted(await_(request.db.scalars(select(Entry.name))))}
