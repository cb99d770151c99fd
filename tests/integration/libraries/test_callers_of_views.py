"""Libraries that call views themselves, each with coroutine views and a policy of coroutines."""

import asyncio
import importlib
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from pyramid.config import Configurator
from pyramid.response import Response
from webob import Request

from aiopyramid_core import run

Get = Callable[..., Response]

# --- Cornice --------------------------------------------------------------------------------------


@pytest.fixture
def cornice(config: Configurator) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it imports pkg_resources, as Pyramid does
        module = importlib.import_module("cornice")
    config.include(module)
    return module


async def needs_name(request: Any, **options: Any) -> None:
    await asyncio.sleep(0)
    if "name" not in request.GET:
        request.errors.add("querystring", "name", "is missing")


def test_errors_that_a_coroutine_view_adds_are_answered(
    cornice: Any, config: Configurator, get: Get
) -> None:
    service = cornice.Service("names", "/names")

    @service.get()
    async def view(request: Any) -> Any:
        await asyncio.sleep(0)
        request.errors.add("body", "name", "is taken")

    config.add_cornice_service(service)
    assert get("/names").status_code == 400


@pytest.mark.parametrize(("query", "status"), [("", 400), ("?name=ann", 200)])
@pytest.mark.parametrize("kind", ["coroutine", "ordinary"])
def test_a_validator_may_be_a_coroutine(
    cornice: Any, config: Configurator, get: Get, kind: str, query: str, status: int
) -> None:
    service = cornice.Service("names", "/names")

    async def coroutine(request: Any) -> Any:
        await asyncio.sleep(0)
        return {"name": request.GET["name"]}

    def ordinary(request: Any) -> Any:
        return {"name": request.GET["name"]}

    service.add_view(
        "GET", {"coroutine": coroutine, "ordinary": ordinary}[kind], validators=(needs_name,)
    )
    config.add_cornice_service(service)
    answer = get(f"/names{query}")
    assert answer.status_code == status
    assert answer.json["name"] == "ann" if status == 200 else answer.json["status"] == "error"


def test_methods_of_a_resource_and_its_validators_may_be_coroutines(
    cornice: Any, config: Configurator, get: Get
) -> None:
    from cornice.resource import add_resource, add_view

    class Names:
        def __init__(self, request: Any, context: Any = None) -> None:
            self.request = request

        async def collection_get(self) -> Any:
            await asyncio.sleep(0)
            return {"names": [await self.first()]}

        async def first(self) -> str:
            return "ann"

        async def is_known(self, request: Any, **options: Any) -> None:
            await asyncio.sleep(0)
            if request.matchdict["name"] != "ann":
                request.errors.add("url", "name", "is unknown")

        async def get(self) -> Any:
            await asyncio.sleep(0)
            return {"name": self.request.matchdict["name"]}

    add_view(Names.get, validators=("is_known",))
    resource = add_resource(Names, collection_path="/names", path="/names/{name}")
    config.add_cornice_resource(resource)
    assert get("/names").json == {"names": ["ann"]}
    assert get("/names/ann").json == {"name": "ann"}
    assert get("/names/eve").status_code == 400


def test_a_view_of_cornices_asks_a_policy_of_coroutines(
    cornice: Any, config: Configurator, get: Get
) -> None:
    service = cornice.Service("secret", "/secret", permission="view")

    @service.get()
    async def view(request: Any) -> Any:
        return {}

    config.add_cornice_service(service)
    assert [get(f"/secret?user={user}").status_code for user in ("ann", "eve")] == [200, 403]


def test_a_filter_may_be_a_coroutine(cornice: Any, config: Configurator, get: Get) -> None:
    service = cornice.Service("filtered", "/filtered")

    async def mark(response: Any, request: Any) -> Any:
        await asyncio.sleep(0)
        response.headers["X-Filtered"] = "yes"
        return response

    @service.get(filters=(mark, mark))
    async def view(request: Any) -> Any:
        return {}

    config.add_cornice_service(service)
    assert get("/filtered").headers["X-Filtered"] == "yes"


# --- Others ---------------------------------------------------------------------------------------


def test_pyramid_services_finds_services_in_coroutine_views(config: Configurator, get: Get) -> None:
    config.include("pyramid_services")

    class Greeter:
        async def greet(self) -> str:
            await asyncio.sleep(0)
            return "hello"

    config.register_service(Greeter(), name="greeter")

    async def view(request: Any) -> Response:
        return Response(await request.find_service(name="greeter").greet())

    config.add_view(view, permission="view")
    assert get("/?user=ann").text == "hello"
    assert get("/?user=eve").status_code == 403


def test_pyramid_jinja2_renders_for_coroutine_views(
    config: Configurator, get: Get, tmp_path: Any
) -> None:
    # By a function of a package: templates are looked for beside it, and this module is in none.
    run(config.include, "pyramid_jinja2")
    config.add_jinja2_search_path(str(tmp_path))
    (tmp_path / "hello.jinja2").write_text("hello {{ name }}, {{ request.identity }}")

    async def view(request: Any) -> Any:
        await asyncio.sleep(0)
        return {"name": "world"}

    config.add_view(view, renderer="hello.jinja2", permission="view")
    assert get("/?user=ann").text == "hello world, ann"
    assert get("/?user=eve").status_code == 403


SPECIFICATION = """\
openapi: "3.1.0"
info: {title: names, version: "1"}
paths:
  /names:
    get:
      parameters:
        - {name: count, in: query, required: true, schema: {type: integer, maximum: 3}}
      responses:
        "200":
          description: names
          content: {application/json: {schema: {type: array, items: {type: string}}}}
        "400": {description: refused}
        "403": {description: forbidden}
        "500": {description: failed}
"""


def test_pyramid_openapi3_validates_what_coroutine_views_get_and_return(
    config: Configurator, get: Get, tmp_path: Any
) -> None:
    config.include("pyramid_openapi3")
    (tmp_path / "openapi.yaml").write_text(SPECIFICATION)
    config.pyramid_openapi3_spec(str(tmp_path / "openapi.yaml"), route="/openapi.yaml")
    config.add_route("names", "/names")

    async def view(request: Any) -> Any:
        await asyncio.sleep(0)
        count = request.openapi_validated.parameters.query["count"]
        return ["ann"] * count if count else [1]

    config.add_view(view, route_name="names", renderer="json", openapi=True, permission="view")
    assert get("/names?user=ann&count=2").json == ["ann", "ann"]
    assert get("/names?user=ann&count=9").status_code == 400
    assert get("/names?user=ann&count=0").status_code == 500  # what it returns is not a name
    assert get("/names?user=eve&count=2").status_code == 403


@pytest.mark.parametrize("user", ["ann", "eve"])
def test_the_callback_of_pyramid_jwt_may_be_a_coroutine(
    get: Get, config: Configurator, user: str
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from pyramid.authorization import ACLAuthorizationPolicy
        from pyramid_jwt.policy import JWTAuthenticationPolicy

        old = Configurator()
        old.include("aiopyramid_core")

        async def groups(userid: str, request: Any) -> Any:
            await asyncio.sleep(0)
            return ["group:staff"] if userid == "ann" else None

        policy = JWTAuthenticationPolicy("s" * 64, http_header="X-Token", callback=groups)
        old.set_authorization_policy(ACLAuthorizationPolicy())
        old.set_authentication_policy(policy)
        old.add_request_method(lambda request: policy.get_claims(request), "jwt_claims", reify=True)

        async def view(request: Any) -> Response:
            return Response(f"{request.authenticated_userid}")

        old.add_view(view)
        app = old.make_wsgi_app()
        blank = Request.blank("/", headers={"X-Token": policy.create_token(user)})
        assert blank.get_response(app).text == ("ann" if user == "ann" else "None")


def test_pyramid_rpc_calls_coroutines(config: Configurator, get: Get) -> None:
    config.include("pyramid_rpc.jsonrpc")
    config.add_jsonrpc_endpoint("api", "/api")

    async def add(request: Any, a: int, b: int) -> int:
        await asyncio.sleep(0)
        return a + b

    config.add_jsonrpc_method(add, endpoint="api", method="add")
    call = {"jsonrpc": "2.0", "id": 1, "method": "add", "params": [1, 2]}
    answer = get("/api", method="POST", json=call)
    assert answer.json == {"id": 1, "jsonrpc": "2.0", "result": 3}


def test_pyramid_debugtoolbar_shows_pages_of_coroutine_views(
    config: Configurator, get: Get
) -> None:
    config.add_settings({"debugtoolbar.hosts": "0.0.0.0/0"})
    config.include("pyramid_debugtoolbar")

    async def view(request: Any) -> Response:
        async def parts() -> Any:
            await asyncio.sleep(0)
            yield b"<html><body>hello</body></html>"

        return Response(app_iter=parts(), content_type="text/html", charset="utf-8")

    config.add_view(view, permission="view")
    answer = get("/?user=ann", environ={"REMOTE_ADDR": "127.0.0.1"})
    assert "hello" in answer.text
    assert "pDebug" in answer.text
    assert get("/?user=eve").status_code == 403
