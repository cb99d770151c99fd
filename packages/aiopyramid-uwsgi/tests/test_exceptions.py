"""exceptions: the hierarchy, the statuses, and the one message that users will search for."""

import re

import pytest
from pyramid.exceptions import ConfigurationError

from aiopyramid_core import AiopyramidError
from aiopyramid_core.exceptions import RequestError
from aiopyramid_uwsgi import EngineMissing, exceptions

ERRORS = [getattr(exceptions, name) for name in exceptions.__all__]
REFUSALS = [error for error in ERRORS if issubclass(error, RequestError) and error != RequestError]


@pytest.mark.parametrize("error", ERRORS)
def test_every_exception_has_the_base_of_all_packages(error):
    assert issubclass(error, AiopyramidError)


@pytest.mark.parametrize("error", REFUSALS)
def test_a_refusal_has_the_status_that_the_tree_in_the_docstring_shows(error):
    shown = dict(re.findall(r"── (\w+) +(\d{3})\n", exceptions.__doc__))
    assert error.status == int(shown[error.__name__])


def test_a_missing_engine_is_a_mistake_in_the_configuration():
    assert issubclass(EngineMissing, ConfigurationError)


def test_the_message_says_which_option_is_missing_and_where_to_add_it():
    assert str(EngineMissing("--asyncio 100", "There would be no event loop.")) == (
        "uWSGI was started without --asyncio 100. There would be no event loop. Add --asyncio 100"
        " to its command line, or the line 'asyncio = 100' to the [uwsgi] section of its ini file."
        " If uWSGI does not know the option, it was built without support for it: see the"
        " README of aiopyramid-uwsgi for the commands that build it."
    )


def test_an_option_without_a_value_is_true_in_the_ini_file():
    assert "the line 'greenlet = true'" in str(EngineMissing("--greenlet", ""))
