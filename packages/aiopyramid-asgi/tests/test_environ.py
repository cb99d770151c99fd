"""_environ: from a scope to an environ."""

import pytest

from aiopyramid_asgi import ExpectationFailed
from aiopyramid_asgi._environ import build_environ
from aiopyramid_core.exceptions import BadRequest, CodingNotSupported
from aiopyramid_core.servers import networks

TRUSTED = networks("10.0.0.0/8")
HOST_LESS = {"http_version": "1.0"}
"""So that the tests of other fields need no Host."""


@pytest.fixture
def environ_of(fake_server):
    return lambda **scope: build_environ(fake_server().scope | HOST_LESS | scope, TRUSTED)


def test_a_path_is_split_at_the_root_only_where_it_contains_it(environ_of):
    def split(path, root):
        environ = environ_of(path=path, raw_path=path.encode(), root_path=root)
        return environ["SCRIPT_NAME"], environ["PATH_INFO"]

    assert split("/page", "") == ("", "/page")
    assert split("/root/page", "/root") == ("/root", "/page")
    assert split("/root", "/root") == ("/root", "")
    assert split("/root/", "/root/") == ("/root", "/")
    assert split("/page", "/root") == ("/root", "/page")  # the proxy has removed it
    assert split("/rooted", "/root") == ("/root", "/rooted")


def test_the_bytes_of_a_path_that_is_not_utf8_are_those_of_the_raw_path(environ_of):
    environ = environ_of(path="/a\ufffdb", raw_path=b"/a%FFb")
    assert environ["PATH_INFO"] == "/a\xffb"


def test_a_root_and_a_path_in_other_letters_are_bytes_as_latin1(environ_of):
    environ = environ_of(path="/ü/ä", raw_path=b"/%C3%BC/%C3%A4", root_path="/ü")
    assert environ["SCRIPT_NAME"].encode("latin-1").decode() == "/ü"
    assert environ["PATH_INFO"].encode("latin-1").decode() == "/ä"


def test_an_encoded_slash_and_an_encoded_percent_are_decoded_once(environ_of):
    environ = environ_of(path="/a/b%41", raw_path=b"/a%2Fb%2541")
    assert environ["PATH_INFO"] == "/a/b%41"


def test_a_path_that_a_framework_has_changed_wins_over_the_raw_path(environ_of):
    environ = environ_of(path="/ä", raw_path=b"/elsewhere/%C3%A4")
    assert environ["PATH_INFO"].encode("latin-1").decode() == "/ä"


def test_a_server_need_not_tell_the_raw_path(environ_of):
    environ = environ_of(path="/ä", raw_path=None)
    assert environ["PATH_INFO"].encode("latin-1").decode() == "/ä"


def test_fields_are_joined_by_commas_and_cookies_by_semicolons(environ_of):
    environ = environ_of(
        headers=[(b"accept", b"a"), (b"cookie", b"a=1"), (b"accept", b"b"), (b"cookie", b"b=2")]
    )
    assert environ["HTTP_ACCEPT"] == "a,b"
    assert environ["HTTP_COOKIE"] == "a=1; b=2"


def test_fields_that_are_not_lists_must_not_be_repeated(environ_of):
    with pytest.raises(BadRequest, match="the header field content-type is repeated"):
        environ_of(headers=[(b"content-type", b"a"), (b"content-type", b"b")])


def test_a_name_with_an_underscore_is_dropped(environ_of):
    environ = environ_of(headers=[(b"x_forwarded_for", b"evil"), (b"content_length", b"3")])
    assert "HTTP_X_FORWARDED_FOR" not in environ
    assert "CONTENT_LENGTH" not in environ


def test_many_strange_names_are_not_remembered(environ_of):
    for number in range(3):
        environ_of(headers=[(b"x-%d-%d" % (number, each), b"") for each in range(1000)])
    assert environ_of(headers=[(b"x-usual", b"1")])["HTTP_X_USUAL"] == "1"


def test_the_scheme_of_a_websocket_is_that_of_its_page(environ_of):
    assert environ_of(scheme="wss")["wsgi.url_scheme"] == "https"
    assert environ_of(scheme="ws")["wsgi.url_scheme"] == "http"


def test_a_unix_socket_has_the_host_for_a_name(environ_of):
    environ = environ_of(client=None, server=("/run/socket", None), headers=[])
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("localhost", "80")
    fields = [(b"host", b"site.example:8080")]
    environ = environ_of(client=None, server=None, headers=fields)
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("site.example", "8080")
    assert environ["REMOTE_ADDR"] == ""


def test_what_a_trusted_proxy_forwards_counts_and_what_others_claim_does_not(environ_of):
    fields = [
        (b"x-forwarded-proto", b"https"),
        (b"x-forwarded-for", b"192.0.2.66, 198.51.100.1, 10.0.0.2"),
    ]
    environ = environ_of(client=("10.0.0.1", 5), headers=fields)
    assert environ["wsgi.url_scheme"] == "https"
    assert environ["REMOTE_ADDR"] == "198.51.100.1"  # the last that is not a proxy of ours
    assert "REMOTE_PORT" not in environ
    environ = environ_of(client=("192.0.2.9", 5), headers=fields)
    assert environ["wsgi.url_scheme"] == "http"
    assert environ["REMOTE_ADDR"] == "192.0.2.9"


def test_an_unknown_forwarded_scheme_is_ignored(environ_of):
    fields = [(b"x-forwarded-proto", b"https, http")]
    assert environ_of(client=("10.0.0.1", 5), headers=fields)["wsgi.url_scheme"] == "http"


# --- Checks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", [[], [(b"host", b"a b")]], ids=["missing", "malformed"])
def test_a_host_that_is_missing_or_malformed_is_refused(environ_of, host):
    with pytest.raises(BadRequest, match="Host"):
        environ_of(http_version="1.1", headers=host)


def test_a_coding_that_the_server_does_not_undo_is_refused(environ_of):
    fields = [(b"host", b"a"), (b"transfer-encoding", b"gzip, chunked")]
    with pytest.raises(CodingNotSupported):
        environ_of(http_version="1.1", headers=fields)


def test_an_expectation_other_than_100_continue_is_refused(environ_of):
    fields = [(b"host", b"a"), (b"expect", b"100-Continue")]
    assert environ_of(http_version="1.1", headers=fields)["HTTP_EXPECT"] == "100-Continue"
    with pytest.raises(ExpectationFailed):
        environ_of(http_version="1.1", headers=[(b"host", b"a"), (b"expect", b"tea")])


def test_a_target_that_is_not_a_path_is_refused_but_for_options_of_the_whole_server(environ_of):
    assert environ_of(method="OPTIONS", path="*", raw_path=b"*")["PATH_INFO"] == ""
    with pytest.raises(BadRequest, match="expected a path"):
        environ_of(path="*", raw_path=b"*")
    with pytest.raises(BadRequest, match="expected a path"):
        environ_of(path="site.example/x", raw_path=b"site.example/x")


def test_a_framework_may_leave_nothing_of_the_path(environ_of):
    environ = environ_of(path="", raw_path=b"", root_path="/legacy")
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/legacy", "")


def test_several_processes_are_assumed_unless_a_setting_denies_it(fake_server):
    scope = fake_server().scope | HOST_LESS
    assert build_environ(scope, TRUSTED)["wsgi.multiprocess"]
    assert not build_environ(scope, TRUSTED, multiprocess=False)["wsgi.multiprocess"]
