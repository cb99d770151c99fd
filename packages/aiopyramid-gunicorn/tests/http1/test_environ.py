"""environ: a head, addresses and settings in, a WSGI environ out."""

import io
from wsgiref.validate import check_environ

import pytest

from aiopyramid_core.exceptions import BadRequest, CodingNotSupported
from aiopyramid_gunicorn._http1 import environ as _environ
from aiopyramid_gunicorn._http1.environ import EnvironSettings, connection_environ
from aiopyramid_gunicorn._http1.implementation import build_environ

PEER = ("192.0.2.7", 51234)
LOCAL = ("192.0.2.1", 8000)


@pytest.fixture
def environ(parse, settings):
    """Build the environ of a request whose head is given, without its empty line."""

    def environ(head, *, peer=PEER, local=LOCAL, made=None, **given):
        made = made or settings(**given)
        connection = connection_environ(made, peer, local)
        data = head if isinstance(head, bytes) else head.encode("latin-1")
        parsed = parse(data.replace(b"\n", b"\r\n") + b"\r\n\r\n")
        return build_environ(parsed, connection, made, trusted=made.trusts(peer))

    return environ


@pytest.fixture
def get(environ):
    """Build the environ of a GET request with these header lines."""

    def get(*fields, target="/", **given):
        return environ("\n".join([f"GET {target} HTTP/1.1", "Host: example.com", *fields]), **given)

    return get


TRUSTED = {"forwarded_allow_ips": "192.0.2.7"}


# --- PEP 3333 -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "head",
    [
        "GET / HTTP/1.1\nHost: a",
        "GET /a%20b?c=d HTTP/1.0",
        "POST /x HTTP/1.1\nHost: a\nContent-Type: text/plain\nContent-Length: 3\nX-Y: z",
        "GET http://b:81/x?y HTTP/1.1\nHost: a",
        "GET http://b HTTP/1.1\nHost: a",
    ],
)
@pytest.mark.parametrize("local", [LOCAL, "/run/sock"])
def test_the_environ_passes_the_standard_librarys_validator(environ, head, local):
    made = environ(head, local=local)
    made["wsgi.input"] = io.BytesIO()
    assert check_environ(made) is None


def test_the_keys_of_the_server_are_there(get):
    made = get()
    assert (made["wsgi.multithread"], made["wsgi.run_once"]) == (True, False)
    assert made["wsgi.input_terminated"] is True
    assert made["SERVER_SOFTWARE"].startswith("gunicorn")


def test_two_requests_of_a_connection_do_not_share_an_environ(parse, settings):
    made = settings()
    connection = connection_environ(made, PEER, LOCAL)
    head = parse(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    first = build_environ(head, connection, made, trusted=False)
    first["mine"] = 1
    assert "mine" not in build_environ(head, connection, made, trusted=False)


# --- Addresses ------------------------------------------------------------------------------------


def test_the_addresses_of_both_ends_are_there(get):
    made = get()
    assert (made["REMOTE_ADDR"], made["REMOTE_PORT"]) == ("192.0.2.7", "51234")
    assert (made["SERVER_NAME"], made["SERVER_PORT"]) == ("192.0.2.1", "8000")


@pytest.mark.parametrize(
    ("host", "name", "port"),
    [
        ("example.com", "example.com", "80"),
        ("example.com:81", "example.com", "81"),
        ("[::1]:81", "[::1]", "81"),
        ("[::1]", "[::1]", "80"),
        ("", "localhost", "80"),
    ],
)
@pytest.mark.parametrize("peer", ["", None, b""])
def test_on_a_unix_socket_the_server_is_named_by_host(environ, host, name, port, peer):
    made = environ(f"GET / HTTP/1.1\nHost: {host}", peer=peer, local="/run/sock")
    assert (made["SERVER_NAME"], made["SERVER_PORT"]) == (name, port)
    assert made["REMOTE_ADDR"] == ""


def test_on_a_unix_socket_behind_https_the_port_is_443(get):
    made = get("X-Forwarded-Proto: https", peer="", local="/run/sock")
    assert made["SERVER_PORT"] == "443"


# --- Header fields --------------------------------------------------------------------------------


def test_header_fields_become_keys(get):
    made = get("X-Some-Thing: a", "Content-Type: b", "Content-Length: 0")
    assert (made["HTTP_X_SOME_THING"], made["CONTENT_TYPE"]) == ("a", "b")
    assert made["CONTENT_LENGTH"] == "0"
    assert "HTTP_CONTENT_TYPE" not in made


def test_values_are_latin_1(environ):
    assert environ(b"GET / HTTP/1.1\nHost: a\nX: \xe9")["HTTP_X"] == "\xe9"


def test_an_empty_value_is_there(get):
    assert get("X:")["HTTP_X"] == ""


def test_repeated_fields_are_joined_with_commas_in_order(get):
    assert get("X-Forwarded-For: a", "Y: 1", "x-forwarded-for: b")["HTTP_X_FORWARDED_FOR"] == "a,b"


def test_repeated_cookies_are_joined_with_semicolons(get):
    assert get("Cookie: a=1", "Cookie: b=2")["HTTP_COOKIE"] == "a=1; b=2"


@pytest.mark.parametrize("field", ["Host: other", "host: example.com"])
def test_a_repeated_host_is_refused(get, field):
    with pytest.raises(BadRequest, match=r"(?i)host is repeated"):
        get(field)


def test_a_repeated_content_type_is_refused(get):
    with pytest.raises(BadRequest, match="Content-Type is repeated"):
        get("Content-Type: a", "Content-Type: b")


def test_an_http_1_1_request_without_host_is_refused(environ):
    with pytest.raises(BadRequest, match="needs a Host"):
        environ("GET / HTTP/1.1\nX: y")


def test_an_http_1_0_request_needs_no_host(environ):
    assert environ("GET / HTTP/1.0")["SERVER_PROTOCOL"] == "HTTP/1.0"


def test_a_chunked_http_1_0_request_is_refused(environ):
    with pytest.raises(BadRequest, match="cannot have Transfer-Encoding"):
        environ("POST / HTTP/1.0\nTransfer-Encoding: chunked")


@pytest.mark.parametrize("name", ["X_Forwarded_For", "Content_Length", "X-Forwarded_For"])
def test_names_with_underscores_are_dropped(get, name):
    plain, made = get(), get(f"{name}: 1")
    assert set(made) == set(plain)


def test_names_with_underscores_can_be_refused(get):
    with pytest.raises(BadRequest, match="underscores are refused"):
        get("X_Y: 1", header_map="refuse")


def test_names_with_underscores_can_be_let_through(get):
    made = get("X_Y: 1", "Content_Length: 5", header_map="dangerous")
    assert made["HTTP_X_Y"] == "1"
    assert "CONTENT_LENGTH" not in made


def test_a_trusted_proxy_may_use_the_names_of_forwarder_headers(get):
    assert get("Path_Info: 1", "X_Y: 2", **TRUSTED)["HTTP_PATH_INFO"] == "1"


def test_a_trusted_proxy_may_use_no_other_name_with_underscores(get):
    assert "HTTP_X_Y" not in get("X_Y: 2", **TRUSTED)


# --- Scheme and trust -----------------------------------------------------------------------------


def test_the_scheme_is_http_by_itself(get):
    assert get()["wsgi.url_scheme"] == "http"


def test_the_scheme_is_https_with_a_certificate(get):
    assert get(certfile=__file__)["wsgi.url_scheme"] == "https"


@pytest.mark.parametrize(
    "field", ["X-Forwarded-Proto: https", "X-Forwarded-Protocol: ssl", "X-Forwarded-Ssl: on"]
)
def test_a_trusted_proxy_says_which_scheme_the_client_used(get, field):
    assert get(field, **TRUSTED)["wsgi.url_scheme"] == "https"


def test_a_trusted_proxy_may_say_http_though_the_worker_has_a_certificate(get):
    made = get("X-Forwarded-Proto: http", certfile=__file__, **TRUSTED)
    assert made["wsgi.url_scheme"] == "http"


def test_anybody_else_may_not(get):
    assert get("X-Forwarded-Proto: https")["wsgi.url_scheme"] == "http"


def test_two_proxies_may_say_the_same(get):
    made = get("X-Forwarded-Proto: https", "X-Forwarded-Proto: https", **TRUSTED)
    assert made["wsgi.url_scheme"] == "https"


def test_a_name_with_underscores_says_nothing_about_the_scheme(get):
    made = get("X_Forwarded_Proto: https", header_map="dangerous", **TRUSTED)
    assert made["wsgi.url_scheme"] == "http"


def test_contradictory_lines_of_a_field_are_refused(get):
    with pytest.raises(BadRequest, match="contradict"):
        get("X-Forwarded-Proto: https", "X-Forwarded-Proto: http", **TRUSTED)


def test_contradictory_schemes_are_refused(get):
    with pytest.raises(BadRequest, match="contradict"):
        get("X-Forwarded-Proto: https", "X-Forwarded-Ssl: off", **TRUSTED)


@pytest.mark.parametrize(
    ("allowed", "peer", "trusted"),
    [
        ("127.0.0.1", ("127.0.0.1", 1), True),
        ("127.0.0.1", ("127.0.0.2", 1), False),
        ("10.0.0.0/8", ("10.1.2.3", 1), True),
        ("::1", ("::1", 1, 0, 0), True),
        ("::1", ("10.1.2.3", 1), False),
        ("*", ("10.1.2.3", 1), True),
        ("*", ("fe80::1%eth0", 1, 0, 2), True),
        ("127.0.0.1", ("fe80::1%eth0", 1, 0, 2), False),
        ("127.0.0.1", "", True),
        ("127.0.0.1", None, True),
    ],
)
def test_forwarded_allow_ips_says_who_is_trusted(settings, allowed, peer, trusted):
    made = settings(forwarded_allow_ips=allowed)

    assert [made.trusts(peer), made.trusts(peer)] == [trusted, trusted]


def test_two_settings_answer_for_the_same_peer_each_for_itself(settings):
    made = settings(forwarded_allow_ips="10.0.0.1", proxy_allow_ips="10.0.0.2")
    peers = [("10.0.0.1", 1), ("10.0.0.2", 1)]

    assert [made.trusts(peer) for peer in peers] == [True, False]
    assert [made.lets_proxy(peer) for peer in peers] == [False, True]


# --- The target -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/", "/", ""),
        ("/a/b?c=d&e", "/a/b", "c=d&e"),
        ("/a?b?c", "/a", "b?c"),
        ("/a%20b%2Fc?%20", "/a b/c", "%20"),
        ("/%C3%A9", "/\xc3\xa9", ""),
        ("/%zz", "/%zz", ""),
        ("//a", "//a", ""),
        ("http://b:81/x?y", "/x", "y"),
        ("http://b", "/", ""),
        ("http://b?y", "/", "y"),
    ],
)
def test_the_target_becomes_path_and_query(get, target, path, query):
    made = get(target=target)
    assert (made["PATH_INFO"], made["QUERY_STRING"]) == (path, query)
    assert made["RAW_URI"] == target


def test_the_authority_of_an_absolute_target_replaces_host(get):
    assert get(target="http://b:81/x")["HTTP_HOST"] == "b:81"


def test_an_absolute_target_with_a_user_is_refused(get):
    with pytest.raises(BadRequest, match="neither a path nor an http URI"):
        get(target="http://user:pass@b:81/x")


def test_options_of_the_whole_server_has_no_path(environ):
    given = environ("OPTIONS * HTTP/1.1\nHost: example.com")
    assert (given["PATH_INFO"], given["RAW_URI"]) == ("", "*")


@pytest.mark.parametrize("target", ["http:///x", "http://[::1/x"])
def test_an_absolute_target_without_a_sound_authority_is_refused(get, target):
    with pytest.raises(BadRequest):
        get(target=target)


def test_connect_has_its_authority_as_the_target(environ):
    made = environ("CONNECT b:443 HTTP/1.1\nHost: b:443")
    assert (made["REQUEST_METHOD"], made["RAW_URI"]) == ("CONNECT", "b:443")


# --- SCRIPT_NAME ----------------------------------------------------------------------------------


@pytest.fixture
def mounted(settings, monkeypatch):
    """The settings of an application that is mounted at ``/app``."""
    monkeypatch.setenv("SCRIPT_NAME", "/app")
    return settings()


@pytest.mark.parametrize(("target", "path"), [("/app/x%20y", "/x y"), ("/app", "")])
def test_the_application_can_be_mounted_below_a_path(get, mounted, target, path):
    made = get(target=target, made=mounted)
    assert (made["SCRIPT_NAME"], made["PATH_INFO"]) == ("/app", path)


@pytest.mark.parametrize("target", ["/other", "/", "/apple", "/ap%70/x"])
def test_a_path_that_is_not_below_it_is_refused(get, mounted, target):
    with pytest.raises(BadRequest, match="is not below SCRIPT_NAME"):
        get(target=target, made=mounted)


def test_a_trusted_proxy_says_where_the_application_is_mounted(get):
    made = get("SCRIPT_NAME: /p", target="/p/x", **TRUSTED)
    assert (made["SCRIPT_NAME"], made["PATH_INFO"]) == ("/p", "/x")


def test_anybody_else_may_not_say_so(get):
    made = get("SCRIPT_NAME: /p", target="/p/x")
    assert (made["SCRIPT_NAME"], made["PATH_INFO"]) == ("", "/p/x")


def test_a_field_with_hyphens_that_a_proxy_passes_on_does_not_say_so(get):
    # Proxies drop what has underscores and pass on what has hyphens: this comes from the client,
    # who would reach /admin by asking the proxy for /x/admin.
    made = get("Script-Name: /x", target="/x/admin", **TRUSTED)
    assert (made["SCRIPT_NAME"], made["PATH_INFO"]) == ("", "/x/admin")


def test_the_settings_are_digested_only_once(settings):
    assert isinstance(settings(), EnvironSettings)
    with pytest.raises(AttributeError):
        settings().tls = True


# --- Refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "error"),
    [
        ("GET / HTTP/1.1", "needs a Host field"),
        ("GET / HTTP/1.1\nHost: a b", "Host 'a b' is malformed"),
        ("POST / HTTP/1.0\nTransfer-Encoding: chunked", "HTTP/1.0 request cannot have"),
        ("CONNECT /path HTTP/1.1\nHost: a", "CONNECT needs a host and a port"),
        ("CONNECT a HTTP/1.1\nHost: a", "CONNECT needs a host and a port"),
        ("GET /a#b HTTP/1.1\nHost: a", "has a fragment"),
        ("GET * HTTP/1.1\nHost: a", "a target of OPTIONS only"),
        ("GET http://[a HTTP/1.1\nHost: a", "is not a URI"),
        ("GET http://u@a/ HTTP/1.1\nHost: a", "neither a path nor an http URI"),
    ],
)
def test_a_request_that_could_be_misunderstood_is_refused(environ, head, error):
    with pytest.raises(BadRequest, match=error):
        environ(head)


@pytest.mark.parametrize("coding", ["gzip", "chunked, chunked"])
def test_a_coding_that_a_parser_has_let_pass_is_refused(parse, settings, coding):
    head = parse(b"POST / HTTP/1.1\r\nHost: a\r\n\r\n")
    head.lines.append(f"Transfer-Encoding: {coding}")
    made = settings()
    with pytest.raises(BadRequest, match="where the body ends"):
        build_environ(head, connection_environ(made, PEER, LOCAL), made, trusted=False)


def test_a_coding_that_is_not_supported_is_another_error(environ):
    with pytest.raises(CodingNotSupported, match="only supported Transfer-Encoding"):
        environ("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: gzip, chunked")


@pytest.mark.parametrize(
    ("head", "path"),
    [("CONNECT a:443 HTTP/1.1\nHost: a", ""), ("OPTIONS * HTTP/1.1\nHost: a", "")],
)
def test_targets_without_a_path_have_an_empty_one(environ, head, path):
    assert environ(head)["PATH_INFO"] == path


@pytest.mark.parametrize(
    ("peer", "may"),
    [(PEER, True), (("192.0.2.8", 1), False), (("no address", 1), False), ("/run/sock", True)],
)
def test_a_proxy_header_comes_from_the_peers_of_the_setting(settings, peer, may):
    assert settings(proxy_allow_ips="192.0.2.7").lets_proxy(peer) is may


def test_no_more_than_so_many_names_are_remembered(get, monkeypatch):
    monkeypatch.setattr(_environ, "_MOST_KEYS", 3)
    for number in range(10):
        name = f"X-{number}"
        assert get(f"{name}: a")[f"HTTP_X_{number}"] == "a"
        assert len(_environ.usual_keys) <= 3
