"""The tables, and each query as a coroutine. Nothing here knows of resources or requests."""

from typing import NamedTuple

import aiosqlite

SCHEMA = """
CREATE TABLE page (
    id INTEGER PRIMARY KEY,
    parent_id INTEGER REFERENCES page,
    name TEXT NOT NULL,
    text TEXT NOT NULL,
    UNIQUE (parent_id, name)
);
CREATE TABLE access (
    page_id INTEGER NOT NULL REFERENCES page,
    position INTEGER NOT NULL,
    action TEXT NOT NULL CHECK (action IN ('Allow', 'Deny')),
    principal TEXT NOT NULL,
    permission TEXT NOT NULL,
    PRIMARY KEY (page_id, position)
);
INSERT INTO page VALUES
    (1, NULL, '', 'A wiki in a tree.'),
    (2, 1, 'garden', 'What grows outside.'),
    (3, 2, 'roses', 'They need sun.'),
    (4, 1, 'attic', 'What nobody should see.'),
    (5, 4, 'letters', 'Tied up with a ribbon.');
INSERT INTO access VALUES
    (1, 0, 'Allow', 'system.Everyone', 'view'),
    (1, 1, 'Allow', 'ann', 'edit'),
    (2, 0, 'Allow', 'bob', 'edit'),
    (4, 0, 'Allow', 'ann', 'view'),
    (4, 1, 'Deny', 'system.Everyone', 'view');
"""


class PageRow(NamedTuple):
    id: int
    name: str
    text: str


async def connect(path: str) -> aiosqlite.Connection:
    """Open the database; make it if it is new."""
    # Each statement is a transaction of its own, since all requests share the connection.
    connection = await aiosqlite.connect(path, isolation_level=None)
    if not await _all(connection, "SELECT 1 FROM sqlite_schema WHERE name = 'page'"):
        await connection.executescript(f"BEGIN; {SCHEMA} COMMIT;")
    return connection


async def root(connection: aiosqlite.Connection) -> PageRow:
    (row,) = await _all(connection, "SELECT id, name, text FROM page WHERE parent_id IS NULL")
    return PageRow(*row)


async def child(connection: aiosqlite.Connection, page_id: int, name: str) -> PageRow | None:
    query = "SELECT id, name, text FROM page WHERE parent_id = ? AND name = ?"
    rows = await _all(connection, query, page_id, name)
    return PageRow(*rows[0]) if rows else None


async def names_of_children(connection: aiosqlite.Connection, page_id: int) -> list[str]:
    query = "SELECT name FROM page WHERE parent_id = ? ORDER BY name"
    return [name for (name,) in await _all(connection, query, page_id)]


async def access(connection: aiosqlite.Connection, page_id: int) -> list[tuple[str, str, str]]:
    query = "SELECT action, principal, permission FROM access WHERE page_id = ? ORDER BY position"
    return [(*row,) for row in await _all(connection, query, page_id)]


async def add(connection: aiosqlite.Connection, parent_id: int, name: str, text: str) -> None:
    """Add a page; raise IntegrityError if there is one of this name."""
    query = "INSERT INTO page (parent_id, name, text) VALUES (?, ?, ?)"
    await connection.execute(query, (parent_id, name, text))


async def write(connection: aiosqlite.Connection, page_id: int, text: str) -> None:
    await connection.execute("UPDATE page SET text = ? WHERE id = ?", (text, page_id))


async def _all(
    connection: aiosqlite.Connection, query: str, *values: str | int
) -> list[aiosqlite.Row]:
    return list(await connection.execute_fetchall(query, values))
