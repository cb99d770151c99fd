"""Bindings for templates, as renderers of coroutine views."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyramid.config import Configurator
from pyramid.response import Response

Get = Callable[..., Response]

TEMPLATES = {
    "pyramid_chameleon": ("hello.pt", "<p>hello ${name}, ${request.identity}</p>"),
    "pyramid_mako": ("hello.mako", "<p>hello ${name}, ${request.identity}</p>"),
}


@pytest.mark.parametrize("package", TEMPLATES)
def test_a_template_renders_what_a_coroutine_view_returns(
    config: Configurator, get: Get, tmp_path: Path, package: str
) -> None:
    name, template = TEMPLATES[package]
    (tmp_path / name).write_text(template)

    async def view(request: Any) -> Any:
        await asyncio.sleep(0)
        return {"name": "world"}

    config.include(package)
    config.add_view(view, renderer=str(tmp_path / name), permission="view")
    assert get("/?user=ann").text.strip() == "<p>hello world, ann</p>"
    assert get("/?user=eve").status_code == 403
