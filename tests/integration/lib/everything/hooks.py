"""Subscribers, callbacks and the smaller hooks."""

from pyramid.events import BeforeRender, ContextFound, NewRequest, NewResponse

from aiopyramid_core import synchronize

from .common import add, after_pause, pause, text


@synchronize
async def on_new_request(event):
    event.request.trail = [await after_pause("NewRequest")]


@synchronize
async def on_context_found(event):
    event.request.trail.append(await after_pause("ContextFound"))


@synchronize
async def on_before_render(event):
    event["before_render"] = await after_pause("BeforeRender")


@synchronize
class Subscriber:
    async def __call__(self, event):
        trail = getattr(event.request, "trail", [])
        trail.append(await after_pause("NewResponse"))
        event.response.headers["X-Trail"] = " ".join(trail)


class OnlyPath:
    """A subscriber predicate."""

    def __init__(self, value, config):
        self.value = value

    def text(self):
        return f"only_path = {self.value}"

    phash = text

    async def __call__(self, event):
        return await after_pause(event.request.path_info == self.value)


synchronize(OnlyPath)


@synchronize
async def on_that_path(event):
    event.request.trail.append(await after_pause("predicated"))


# --- Callbacks ------------------------------------------------------------------------------------


@synchronize
async def on_response(request, response):
    await pause()
    response.headers["X-Callback"] = "awaited"


@synchronize
async def on_finished(request):
    await pause()
    request.registry["journal"].append(f"finished {request.params['name']}")


def add_callbacks(request):
    request.add_response_callback(on_response)
    request.add_finished_callback(on_finished)
    return {}


async def add_callbacks_in_coroutine(request):
    await pause()
    return add_callbacks(request)


async def journal(request):
    return [line for line in request.registry["journal"] if request.params["name"] in line]


# --- Smaller hooks --------------------------------------------------------------------------------


@synchronize
async def negotiate_locale(request):
    return await after_pause(request.params.get("lang", "en"))


@synchronize
async def pregenerate(request, elements, kw):
    kw["_query"] = {"from": await after_pause("pregenerator")}
    return elements, kw


class Money:
    def __init__(self, amount):
        self.amount = amount


@synchronize
async def money_response(money):
    return text(await after_pause(f"{money.amount} EUR"))


def url(request):
    return request.route_path("pregenerated")


async def url_in_coroutine(request):
    return request.route_path("pregenerated")


def includeme(config):
    config.registry["journal"] = []
    config.add_subscriber(on_new_request, NewRequest)
    config.add_subscriber(on_context_found, ContextFound)
    config.add_subscriber(on_before_render, BeforeRender)
    config.add_subscriber(Subscriber(), NewResponse)
    config.add_subscriber_predicate("only_path", OnlyPath)
    config.add_subscriber(on_that_path, ContextFound, only_path="/trail/predicated")
    config.set_locale_negotiator(negotiate_locale)
    config.add_response_adapter(money_response, Money)
    config.add_route("pregenerated", "/elsewhere", pregenerator=pregenerate)
    for name, suffix in {"ordinary": "", "coroutine": "_in_coroutine"}.items():
        add(config, f"/callbacks/{name}", globals()[f"add_callbacks{suffix}"])
        add(config, f"/pregenerated/{name}", globals()[f"url{suffix}"])
    add(config, "/journal", journal)
    add(config, "/trail", after_pause_view)
    add(config, "/trail/predicated", after_pause_view)
    add(config, "/locale", lambda request: request.locale_name)
    add(config, "/money/ordinary", lambda request: Money(5), renderer=None)
    add(config, "/money/coroutine", money, renderer=None)


async def after_pause_view(request):
    return await after_pause("seen")


async def money(request):
    return await after_pause(Money(5))
