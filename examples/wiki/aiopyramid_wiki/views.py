"""The views. Their database code is the tutorial's; none of it awaits."""

import html
import re
from typing import Any

from markupsafe import Markup
from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther
from pyramid.view import view_config

from .models import Page

WIKI_WORD = re.compile(r"\b([A-Z]\w+[A-Z]+\w+)")


def page_factory(request: Any) -> Page:
    """Return the page that a URL names: a root factory, which queries."""
    name = request.matchdict["pagename"]
    page = request.dbsession.query(Page).filter_by(name=name).first()
    if page is None:
        raise HTTPNotFound(f"No such page: {name}")
    return page


@view_config(route_name="view_wiki")
async def view_wiki(request: Any) -> Any:
    return HTTPSeeOther(request.route_url("view_page", pagename="FrontPage"))


@view_config(route_name="view_page", renderer="templates/view.jinja2")
async def view_page(page: Page, request: Any) -> dict[str, Any]:
    def link(match: re.Match[str]) -> str:
        word = match[1]
        exists = request.dbsession.query(Page).filter_by(name=word).count()
        route = "view_page" if exists else "edit_page"
        return f'<a href="{request.route_url(route, pagename=word)}">{word}</a>'

    content = Markup(WIKI_WORD.sub(link, html.escape(page.data)))
    return {"page": page, "content": content}


@view_config(route_name="edit_page", request_method="POST", permission="edit")
async def edit_page(request: Any) -> Any:
    name = request.matchdict["pagename"]
    page = request.dbsession.query(Page).filter_by(name=name).one_or_none()
    if page is None:
        page = Page(name=name, creator=request.identity)
        request.dbsession.add(page)
    page.data = request.params["body"]
    return HTTPSeeOther(request.route_url("view_page", pagename=name))


@view_config(route_name="edit_page", renderer="templates/edit.jinja2", permission="edit")
async def show_form(request: Any) -> dict[str, Any]:
    name = request.matchdict["pagename"]
    page = request.dbsession.query(Page).filter_by(name=name).one_or_none()
    return {"name": name, "data": "" if page is None else page.data}
