"""The same JSON API in three frameworks, and the order that its clients post.

There are 30 routes, 20 of them with a placeholder, and five tweens or middlewares. A few fields of
an order are checked, and it is answered by its receipt: in Pyramid and Starlette by a function of
this module, in FastAPI by its models.

The functions import what they need themselves, so that no server loads another one's framework.
"""

import itertools
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

RESOURCES: Final = (
    *("users", "teams", "projects", "tasks", "files"),
    *("invoices", "customers", "products", "payments", "reports"),
)

PATHS: Final = tuple(
    f"/api/{name}{rest}" for name in RESOURCES for rest in ("", "/{number}", "/{number}/orders")
)
"""The routes, in a syntax that all three frameworks share."""

ORDERS: Final = "/api/customers/{number}/orders"
"""The route that takes orders, the 21st of 30."""

CUSTOMER: Final = 4711
CURRENCIES: Final = ("CHF", "EUR", "GBP", "USD")
NOTE_CHARACTERS: Final = 500
BODY_BYTES: Final = 950
BODY_LIMIT_BYTES: Final = 1 << 20
AUTHORIZATION: Final = "Bearer 0123456789abcdef0123456789abcdef"

HSTS: Final = "max-age=31536000"


def _order() -> dict[str, Any]:
    order = {
        "currency": "EUR",
        "priority": 2,
        "address": {
            "name": "Ada Lovelace",
            "street": "12 St James's Square",
            "town": "London",
            "postcode": "SW1Y 4JH",
            "country": "GB",
        },
        "lines": [
            {"sku": f"A-{1000 + 7 * number}", "quantity": 1 + number, "price": 995 + 100 * number}
            for number in range(8)
        ],
        "note": "",
    }
    sentence = "Please leave the parcel with the neighbours if nobody is at home. "
    missing = BODY_BYTES - len(json.dumps(order))
    order["note"] = (sentence * (missing // len(sentence) + 1))[:missing]
    return order


ORDER: Final = _order()
BODY: Final = json.dumps(ORDER).encode()


class InvalidOrderError(ValueError):
    """An order that the API rejects."""


def receipt(customer: int, order: Any) -> dict[str, Any]:
    """Return the answer to an order.

    Raises:
        InvalidOrderError: A field is missing or has an invalid value.
    """
    try:
        currency, priority = order["currency"], order["priority"]
        lines, note = order["lines"], order["note"]
    except (KeyError, TypeError) as error:
        raise InvalidOrderError(f"a field is missing: {error}") from error
    if currency not in CURRENCIES:
        raise InvalidOrderError(f"currency must be one of {CURRENCIES}")
    if type(priority) is not int or not 1 <= priority <= 5:
        raise InvalidOrderError("priority must be a number from 1 to 5")
    if not isinstance(lines, list) or not lines:
        raise InvalidOrderError("lines must be a list that is not empty")
    if not isinstance(note, str) or len(note) > NOTE_CHARACTERS:
        raise InvalidOrderError(f"note must be a text of at most {NOTE_CHARACTERS} characters")
    return {
        "customer": customer,
        "currency": currency,
        "priority": priority,
        "lines": len(lines),
        "note": note,
    }


# --- Pyramid --------------------------------------------------------------------------------------


def pyramid() -> Any:
    """Return the API with coroutine views, and the whole of aiopyramid included."""

    async def place(request: Any) -> dict[str, Any]:
        return _place(request)

    return _pyramid(place, "aiopyramid")


def pyramid_without_aiopyramid() -> Any:
    """Return the API with synchronous views, as it would be without aiopyramid."""
    return _pyramid(_place)


def _place(request: Any) -> dict[str, Any]:
    from pyramid.httpexceptions import HTTPUnprocessableEntity

    try:
        return receipt(int(request.matchdict["number"]), request.json_body)
    except InvalidOrderError as error:
        raise HTTPUnprocessableEntity(str(error)) from error


def _describe(request: Any) -> dict[str, Any]:
    return {"path": request.path}


def _pyramid(place: Callable[[Any], Any], *includes: str) -> Any:
    from pyramid.config import Configurator

    with Configurator() as config:
        for name in includes:
            config.include(name)
        for tween in ("limit", "authenticate", "harden", "clock", "identify"):
            config.add_tween(f"api_applications.{tween}_tween")  # the last one is the outermost
        for path in PATHS:
            config.add_route(path, path)
            view, method = (place, "POST") if path == ORDERS else (_describe, "GET")
            config.add_view(view, route_name=path, request_method=method, renderer="json")
        return config.make_wsgi_app()


Handler = Callable[[Any], Any]


def identify_tween(handler: Handler, registry: Any) -> Handler:
    """Number the requests."""
    numbers = itertools.count()

    def tween(request: Any) -> Any:
        response = handler(request)
        response.headers["X-Request-ID"] = f"{next(numbers):08x}"
        return response

    return tween


def clock_tween(handler: Handler, registry: Any) -> Handler:
    """Tell the client how long a request took."""

    def tween(request: Any) -> Any:
        started = time.perf_counter()
        response = handler(request)
        response.headers["Server-Timing"] = _timing(started)
        return response

    return tween


def harden_tween(handler: Handler, registry: Any) -> Handler:
    """Have browsers come back with TLS only."""

    def tween(request: Any) -> Any:
        response = handler(request)
        response.headers["Strict-Transport-Security"] = HSTS
        return response

    return tween


def authenticate_tween(handler: Handler, registry: Any) -> Handler:
    """Reject requests without the right token."""
    from pyramid.httpexceptions import HTTPUnauthorized

    def tween(request: Any) -> Any:
        if request.headers.get("Authorization") != AUTHORIZATION:
            return HTTPUnauthorized()
        return handler(request)

    return tween


def limit_tween(handler: Handler, registry: Any) -> Handler:
    """Reject requests with a long body."""
    from pyramid.httpexceptions import HTTPRequestEntityTooLarge

    def tween(request: Any) -> Any:
        if int(request.headers.get("Content-Length", 0)) > BODY_LIMIT_BYTES:
            return HTTPRequestEntityTooLarge()
        return handler(request)

    return tween


def _timing(started: float) -> str:
    return f"app;dur={(time.perf_counter() - started) * 1000:.3f}"


# --- Starlette and FastAPI ------------------------------------------------------------------------


def starlette() -> Any:
    """Return the API in Starlette."""
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def place(request: Request) -> JSONResponse:
        try:
            order = await request.json()
            return JSONResponse(receipt(int(request.path_params["number"]), order))
        except InvalidOrderError as error:
            raise HTTPException(422, str(error)) from error

    async def describe(request: Request) -> JSONResponse:
        return JSONResponse({"path": request.url.path})

    routes = [
        Route(path, place, methods=["POST"]) if path == ORDERS else Route(path, describe)
        for path in PATHS
    ]
    return Starlette(routes=routes, middleware=_middlewares())


def fastapi() -> Any:
    """Return the API in FastAPI."""
    from typing import Literal

    from fastapi import FastAPI
    from fastapi import Request as FastAPIRequest
    from pydantic import BaseModel, Field

    class Order(BaseModel):
        currency: Literal["CHF", "EUR", "GBP", "USD"]
        priority: int = Field(ge=1, le=5)
        lines: list[Any] = Field(min_length=1)
        note: str = Field(max_length=NOTE_CHARACTERS)

    class Receipt(BaseModel):
        customer: int
        currency: str
        priority: int
        lines: int
        note: str

    async def place(number: int, order: Order) -> Receipt:
        return Receipt(
            customer=number,
            currency=order.currency,
            priority=order.priority,
            lines=len(order.lines),
            note=order.note,
        )

    async def describe(request: FastAPIRequest) -> dict[str, str]:
        return {"path": request.url.path}

    application = FastAPI(middleware=_middlewares())
    for path in PATHS:
        if path == ORDERS:
            application.post(path)(place)
        else:
            application.get(path)(describe)
    return application


Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Any, Any, Send], Awaitable[None]]


def _middlewares() -> list[Any]:
    """Return the likes of the tweens: plain ASGI, without a framework's class around them."""
    from starlette.middleware import Middleware

    functions = (
        *(identify_middleware, clock_middleware, harden_middleware),
        *(authenticate_middleware, limit_middleware),
    )
    return [Middleware(function) for function in functions]


def _adding(
    application: Application, begin: Callable[[], Callable[[], list[tuple[bytes, bytes]]]]
) -> Application:
    """Return a middleware that adds header fields.

    Args:
        application: The application.
        begin: Called at the begin of a request; it returns a function that makes the fields when
            the response begins.
    """

    async def middleware(scope: Any, receive: Any, send: Send) -> None:
        if scope["type"] != "http":
            return await application(scope, receive, send)
        fields = begin()

        async def send_more(event: Any) -> None:
            if event["type"] == "http.response.start":
                event["headers"].extend(fields())
            await send(event)

        await application(scope, receive, send_more)

    return middleware


def identify_middleware(application: Application) -> Application:
    """Number the requests."""
    numbers = itertools.count()
    return _adding(
        application, lambda: lambda: [(b"x-request-id", f"{next(numbers):08x}".encode())]
    )


def clock_middleware(application: Application) -> Application:
    """Tell the client how long a request took."""

    def begin() -> Callable[[], list[tuple[bytes, bytes]]]:
        started = time.perf_counter()
        return lambda: [(b"server-timing", _timing(started).encode())]

    return _adding(application, begin)


def harden_middleware(application: Application) -> Application:
    """Have browsers come back with TLS only."""
    fields = [(b"strict-transport-security", HSTS.encode())]
    return _adding(application, lambda: lambda: fields)


def _rejecting(
    application: Application, status: int, accepts: Callable[[Any], bool]
) -> Application:
    """Return a middleware that rejects some requests.

    Args:
        application: The application.
        status: The status of the response.
        accepts: Tells from the header fields whether a request is accepted.
    """
    from starlette.datastructures import Headers
    from starlette.responses import Response

    async def middleware(scope: Any, receive: Any, send: Send) -> None:
        if scope["type"] != "http" or accepts(Headers(scope=scope)):
            return await application(scope, receive, send)
        await Response(status_code=status)(scope, receive, send)

    return middleware


def authenticate_middleware(application: Application) -> Application:
    """Reject requests without the right token."""
    return _rejecting(application, 401, lambda fields: fields.get("authorization") == AUTHORIZATION)


def limit_middleware(application: Application) -> Application:
    """Reject requests with a long body."""
    return _rejecting(
        application, 413, lambda fields: int(fields.get("content-length", 0)) <= BODY_LIMIT_BYTES
    )
