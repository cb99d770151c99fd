"""An ASGI application below a route."""

import hashlib
import json


async def application(scope, receive, send):
    """Answer with a digest of the body, and with the parts that belong to Pyramid."""
    if scope["type"] != "http":
        raise NotImplementedError
    digest = hashlib.sha256()
    more = True
    while more:
        event = await receive()
        digest.update(event["body"])
        more = event["more_body"]
    answer = {
        "root_path": scope["root_path"],
        "path": scope["path"],
        "sha256": digest.hexdigest(),
        "route": scope["aiopyramid.request"].matched_route.name,
    }
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for part in (json.dumps(answer).encode(), b"\n"):
        await send({"type": "http.response.body", "body": part, "more_body": part != b"\n"})


def includeme(config):
    config.include("aiopyramid_asgi")
    config.add_asgi_app("/mounted", application)
