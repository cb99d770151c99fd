"""_labels: what clients send does not make new values."""

import asyncio
from types import SimpleNamespace

import pytest
from pyramid.config import Configurator
from pyramid.response import Response

from aiopyramid_metrics import _labels


@pytest.mark.parametrize(("method", "label"), [("GET", "GET"), ("BREW", "other"), ("get", "other")])
def test_an_unknown_method_is_another(method, label):
    assert _labels.method_label(method) == label


@pytest.mark.parametrize(
    ("code", "label"),
    [
        *[(None, ""), (1000, "1000"), (1015, "1015"), (1016, "other"), (3000, "3xxx")],
        *[(4999, "4xxx"), (5000, "other"), (0, "other")],
    ],
)
def test_close_codes_of_applications_are_classes(code, label):
    assert _labels.close_code_label(code) == label


@pytest.mark.parametrize(
    ("response", "error", "label"),
    [
        (Response(status=404), None, "404"),
        (None, ValueError(), "500"),
        (None, asyncio.CancelledError(), "499"),
    ],
)
def test_a_request_without_a_response_has_failed_or_was_cancelled(response, error, label):
    assert _labels.status_label(response, error) == label


def test_a_culprit_is_the_function_alone():
    culprit = "site.view.<locals>.inner (/site.py:3) (GET /secret/1, route 'a')"
    assert _labels.culprit_label(culprit) == "site.view.<locals>.inner"


class Page:
    pass


@pytest.mark.parametrize(("name", "label"), [("edit", "Page/edit"), ("", "Page/"), ("x", "")])
def test_with_traversal_the_label_is_the_class_and_a_view_that_exists(name, label):
    config = Configurator()
    config.add_view(lambda request: Response(), name="edit")
    config.add_view(lambda request: Response())
    config.commit()
    request = SimpleNamespace(registry=config.registry, context=Page(), view_name=name)
    assert _labels.route_label(request) == label


def test_before_a_route_and_a_context_were_found_the_label_is_empty():
    assert _labels.route_label(SimpleNamespace()) == ""
