"""The views of a page. Pyramid finds them by the resource and by what follows in the path."""

import sqlite3
from typing import Any

from pyramid.httpexceptions import (
    HTTPBadRequest,
    HTTPConflict,
    HTTPNotFound,
    HTTPSeeOther,
    HTTPUnauthorized,
)
from pyramid.location import lineage
from pyramid.request import Request
from pyramid.response import Response
from pyramid.traversal import find_resource
from pyramid.view import forbidden_view_config, view_config

from . import database
from .resources import Page


@view_config(context=Page, permission="view", renderer="templates/page.jinja2")
async def show(page: Page, request: Request) -> dict[str, Any]:
    return {
        "breadcrumbs": [*lineage(page)][::-1],
        "children": await database.names_of_children(page.connection, page.id),
    }


@view_config(context=Page, name="write", permission="edit", request_method="POST")
async def write(page: Page, request: Request) -> Response:
    await database.write(page.connection, page.id, request.POST["text"])
    return HTTPSeeOther(request.resource_url(page))


@view_config(context=Page, name="add", permission="edit", request_method="POST")
async def add(page: Page, request: Request) -> Response:
    name = request.POST["name"]
    if not name or "/" in name or name.startswith("@@") or name in (".", ".."):
        raise HTTPBadRequest("A name without '/', please, that does not begin with '@@'.")
    try:
        await database.add(page.connection, page.id, name, "")
    except sqlite3.IntegrityError:
        raise HTTPConflict("There is a page of this name.") from None
    return HTTPSeeOther(request.resource_url(await page[name]))


@view_config(context=Page, name="go", permission="view")
async def go(page: Page, request: Request) -> Response:
    """Go to the page at a path, such as ``/garden/roses`` or, from here, ``roses``."""
    try:
        # Pyramid's own, in a coroutine: it waits for each page on the way.
        target = find_resource(page, request.GET["to"])
    except (KeyError, UnicodeEncodeError):
        raise HTTPNotFound("There is no such page.") from None
    return HTTPSeeOther(request.resource_url(target))


@view_config(context=Page, name="log-in")
def log_in(page: Page, request: Request) -> Response:
    if request.authenticated_userid is None:
        return _ask_who()
    return HTTPSeeOther(request.resource_url(page))


@forbidden_view_config()
def forbidden(error: Exception, request: Request) -> Any:
    return _ask_who() if request.authenticated_userid is None else error


def _ask_who() -> Response:
    challenge = {"WWW-Authenticate": 'Basic realm="wiki", charset="UTF-8"'}
    return HTTPUnauthorized(headers=challenge)
