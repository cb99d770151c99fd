"""The resource tree: a page is a resource, and its children are got from the database by name."""

import aiosqlite
from pyramid.request import Request

from aiopyramid_core import synchronize

from . import database
from .database import PageRow


class Page:
    """A page of the wiki; location-aware, which is what lineage and ``resource_url`` need."""

    def __init__(
        self, connection: aiosqlite.Connection, row: PageRow, parent: "Page | None" = None
    ) -> None:
        self.connection = connection
        self.id = row.id
        self.text = row.text
        self.__name__ = row.name
        self.__parent__ = parent

    async def __getitem__(self, name: str) -> "Page":
        """Return a child; Pyramid's traversal ends where there is none."""
        row = await database.child(self.connection, self.id, name)
        if row is None:
            raise KeyError(name)
        return Page(self.connection, row, self)

    @synchronize  # Pyramid calls it as a synchronous function
    async def __acl__(self) -> list[tuple[str, str, str]]:
        """Return the list of this page; Pyramid asks the pages above for theirs."""
        return await database.access(self.connection, self.id)


async def root_factory(request: Request) -> Page:
    connection = request.registry["database"]
    return Page(connection, await database.root(connection))
