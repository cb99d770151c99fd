"""The views. A coroutine view waits for the database while other requests are served."""

from pathlib import Path

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from pyramid.response import FileResponse, Response
from pyramid.view import view_config

from .models import Note


@view_config(route_name="notes", request_method="GET", renderer="string")
async def show_notes(request: Request) -> str:
    """Show all notes."""
    notes = request.dbsession.query(Note).order_by(Note.id)
    return "\n".join(["Welcome to Pyramid with asyncio.", *(note.text for note in notes)])


@view_config(route_name="notes", request_method="POST")
async def add_note(request: Request) -> Response:
    """Add a note; pyramid_tm commits it when the view returns."""
    request.dbsession.add(Note(text=request.params["text"]))
    return HTTPSeeOther(request.route_path("notes"))


@view_config(route_name="favicon")
def favicon(request: Request) -> Response:
    """Show the icon of the site: a synchronous view, which runs in a thread."""
    icon = Path(__file__).with_name("favicon.svg")
    return FileResponse(icon, request, cache_max_age=3600)
