"""exceptions: the hierarchy and the status of each refusal."""

import re

import pytest

from aiopyramid_core import AiopyramidError
from aiopyramid_core.exceptions import ClientDisconnected, RequestError
from aiopyramid_gunicorn import exceptions as module

ERRORS = [getattr(module, name) for name in module.__all__]
REFUSALS = [each for each in ERRORS if issubclass(each, RequestError)]


@pytest.mark.parametrize("error", ERRORS)
def test_every_exception_has_the_base_of_all_packages(error):
    assert issubclass(error, AiopyramidError)


@pytest.mark.parametrize("error", REFUSALS)
def test_a_refusal_has_the_status_that_the_tree_in_the_docstring_shows(error):
    shown = dict(re.findall(r"── (\w+) +(\d{3})\n", module.__doc__))
    assert error.status == int(shown.get(error.__name__, 400))


@pytest.mark.parametrize("error", REFUSALS)
def test_a_refusal_blames_the_client_or_says_what_the_server_cannot_do(error):
    assert 400 <= error.status < 500 or error.__name__ in (
        "CodingNotSupported",
        "InsufficientStorage",
        "VersionNotSupported",
    )


def test_an_error_outside_the_clients_request_is_not_a_refusal():
    assert not issubclass(ClientDisconnected, RequestError)
