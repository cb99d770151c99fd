"""exceptions: the hierarchy, the data and the text."""

import pickle

from aiopyramid_core import AiopyramidError, AlreadyShutDown, NotServed, ScopeError, StartupError
from aiopyramid_core import exceptions as module

REFUSED = ScopeError("load_user", "in a bathtub", "Get out first.")


def test_every_exception_of_the_package_has_one_base():
    errors = [getattr(module, name) for name in module.__all__]
    assert all(issubclass(error, AiopyramidError) for error in errors)


def test_a_scope_error_is_a_runtime_error_for_code_that_knows_nothing_of_us():
    assert issubclass(ScopeError, RuntimeError)


def test_a_scope_error_carries_its_parts():
    parts = REFUSED.what, REFUSED.where, REFUSED.remedy
    assert parts == ("load_user", "in a bathtub", "Get out first.")


def test_the_text_of_a_scope_error_ends_with_what_to_do():
    assert str(REFUSED) == "Cannot wait for load_user in a bathtub. Get out first."


def test_a_scope_error_survives_pickling():
    copied = pickle.loads(pickle.dumps(REFUSED))
    assert type(copied) is ScopeError
    assert str(copied) == str(REFUSED)


def test_a_startup_error_names_the_function_and_what_it_raised():
    error = StartupError("connect", OSError("no route"))
    assert (error.function, repr(error.error)) == ("connect", "OSError('no route')")
    assert str(error) == "The startup function connect has failed: OSError: no route"


def test_a_coroutine_that_comes_too_late_is_named():
    error = AlreadyShutDown("send_mail")
    assert error.coroutine == "send_mail"
    assert str(error) == "Cannot start send_mail: the application has shut down"


def test_an_application_that_is_not_served_names_server_and_reason():
    error = NotServed("waitress", "waitress is not installed")
    assert (error.server, error.reason) == ("waitress", "waitress is not installed")
    assert str(error) == "waitress does not serve the application: waitress is not installed"
