"""SQLAlchemy in a coroutine view, unmodified: its Session waits, and loads on first use."""

from typing import Any

from pyramid.request import Request
from pyramid.view import view_config

from ..models import Planet
from ..whereabouts import whereabouts


@view_config(route_name="planets", renderer="planets.jinja2")
async def planets(request: Request) -> dict[str, Any]:
    """Query the planets; the template asks each of them for its moons."""
    found = request.dbsession.query(Planet).order_by(Planet.id).all()
    return {"planets": found, "here": whereabouts(request)}
