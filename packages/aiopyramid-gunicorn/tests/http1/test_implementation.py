"""implementation: which implementation of the path of a usual request is in use."""

from aiopyramid_gunicorn._http1.implementation import mismatch_with


def test_a_compiled_form_of_the_same_interface_fits():
    assert mismatch_with(1) is None


def test_the_message_about_another_one_says_what_to_do():
    assert mismatch_with(0) == (
        "the installed aiopyramid-gunicorn-fast was made for another version of aiopyramid-gunicorn"
        " (interface 0, expected 1): run 'pip install --upgrade \"aiopyramid-gunicorn[fast]\"', or"
        " uninstall aiopyramid-gunicorn-fast"
    )
