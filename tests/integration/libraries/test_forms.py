"""Libraries that validate what a request contains, in coroutine views."""

import asyncio
from collections.abc import Callable
from typing import Any

import colander
import deform
import pytest
from marshmallow import Schema, fields
from pyramid.config import Configurator
from pyramid.response import Response
from webargs.pyramidparser import use_args

Get = Callable[..., Response]


def test_deform_validates_and_renders_a_form(config: Configurator, get: Get) -> None:
    class Person(colander.MappingSchema):
        name = colander.SchemaNode(colander.String(), validator=colander.Length(min=2))

    async def view(request: Any) -> Response:
        form = deform.Form(Person(), buttons=("send",))
        await asyncio.sleep(0)
        try:
            person = form.validate(request.POST.items())
        except deform.ValidationFailure as failure:
            return Response(failure.render(), status=400)
        return Response(person["name"])

    config.add_view(view)
    assert get("/", POST={"name": "Ann"}).text == "Ann"
    refused = get("/", POST={"name": "A"})
    assert refused.status_code == 400
    assert "Shorter than minimum length 2" in refused.text


def test_colander_deserializes_with_what_a_coroutine_has_found(
    config: Configurator, get: Get
) -> None:
    @colander.deferred
    def one_of_the_names(node: Any, context: Any) -> Any:
        return colander.OneOf(context["names"])

    class Choice(colander.MappingSchema):
        name = colander.SchemaNode(colander.String(), validator=one_of_the_names)

    async def names() -> list[str]:
        await asyncio.sleep(0)
        return ["ann"]

    async def view(request: Any) -> Any:
        return Choice().bind(names=await names()).deserialize(request.json_body)

    def invalid(error: Any, request: Any) -> Response:
        return Response(json_body=error.asdict(), status=422)

    config.add_view(view, renderer="json")
    config.add_exception_view(invalid, context=colander.Invalid)
    assert get("/", method="POST", json={"name": "ann"}).json == {"name": "ann"}
    assert get("/", method="POST", json={"name": "eve"}).status_code == 422


def test_marshmallow_serializes_what_a_coroutine_view_has_loaded(
    config: Configurator, get: Get
) -> None:
    class Person(Schema):
        name = fields.String(required=True)
        age = fields.Integer()

    async def view(request: Any) -> Any:
        person = Person().load(request.json_body)
        await asyncio.sleep(0)
        return Person().dump(person | {"age": "7"})

    config.add_view(view, renderer="json")
    answer = get("/", method="POST", json={"name": "ann"})
    assert answer.json == {"name": "ann", "age": 7}


@pytest.mark.parametrize(("query", "status"), [("?count=2", 200), ("?count=many", 422)])
def test_webargs_gives_a_coroutine_view_its_arguments(
    config: Configurator, get: Get, query: str, status: int
) -> None:
    @use_args({"count": fields.Integer(required=True)}, location="query")
    async def view(request: Any, arguments: Any) -> Any:
        await asyncio.sleep(0)
        return {"doubled": 2 * arguments["count"]}

    config.add_view(view, renderer="json")
    answer = get(f"/{query}")
    assert answer.status_code == status
    assert status == 422 or answer.json == {"doubled": 4}
