"""Streams of bytes, well-formed and not: split anywhere, mutated, put together from two.

A few hundred streams in a build, always the same. For more, and others each time::

    AIOPYRAMID_FUZZ_EXAMPLES=20000 pytest -s packages/aiopyramid-gunicorn/tests/fuzz

counts per test; each of them runs on both kinds of event loop. A failure tells the smallest
stream that hypothesis could find, and what was counted is printed at the end.
"""

import itertools
import re

from hypothesis import given
from hypothesis import strategies as st

# --- Well-formed requests -------------------------------------------------------------------------

NAMES = ["X", "Accept", "Cookie", "X-Forwarded-For", "Via", "Under_Score", "If-None-Match"]
VALUES = st.text(st.sampled_from('ab ,;:="\t\xe9%/\\'), max_size=20).map(str.strip)
PATHS = st.text(st.sampled_from("abc/%.~-_?&=2"), max_size=20).map(lambda text: f"/{text}")
BODIES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"GET /inner HTTP/1.1\r\nHost: test\r\n\r\n", b"0\r\n\r\n", b"\r\n"]),
)
EXTENSIONS = st.sampled_from([b"", b"", b";a", b";a=b", b';a="b;c"'])
TRAILERS = st.sampled_from([b"", b"", b"X: 1\r\n", b"X: 1\r\nY:\r\n"])
OPTIONS = st.sampled_from(
    [
        [],
        [],
        [],
        ["Expect: 100-continue"],
        ["Connection: keep-alive"],
        ["Connection: Upgrade", "Upgrade: h2c"],
        ["Upgrade: h2c"],
        ["Content-Type: text/plain"],
    ]
)


@st.composite
def chunked(draw, body):
    """The body in chunks of any size."""
    framed = b""
    while body:
        size = draw(st.integers(1, len(body)))
        framed += b"%x%b\r\n%b\r\n" % (size, draw(EXTENSIONS), body[:size])
        body = body[size:]
    return framed + b"0%b\r\n%b\r\n" % (draw(EXTENSIONS), draw(TRAILERS))


@st.composite
def requests(draw):
    """A request: its bytes, and what the application has to see of it."""
    method = draw(st.sampled_from(["GET", "HEAD", "POST", "PUT", "OPTIONS", "PROPFIND"]))
    target = draw(PATHS)
    fields = [f"{draw(st.sampled_from(NAMES))}: {draw(VALUES)}" for _ in range(draw(SMALL))]
    fields += ["Host: test", *draw(OPTIONS)]
    framing = draw(st.sampled_from(["none", "length", "chunked"]))
    body = b"" if framing == "none" else draw(BODIES)
    if framing == "length":
        fields.append(f"Content-Length: {len(body)}")
    elif framing == "chunked":
        fields.append("Transfer-Encoding: chunked")
    lines = [f"{method} {target} HTTP/1.1", *draw(st.permutations(fields)), "", ""]
    head = "\r\n".join(lines).encode("latin-1")
    framed = draw(chunked(body)) if framing == "chunked" else body
    return head + framed, (method.encode(), target.encode(), body)


SMALL = st.integers(0, 3)
STREAMS = st.lists(requests(), min_size=1, max_size=5)


@st.composite
def split(draw, data):
    """The same bytes in pieces: one, a few of any size, or single bytes."""
    way = draw(st.sampled_from(["whole", "few", "few", "bytes"]))
    if way == "whole":
        return [data]
    if way == "bytes":
        return [data[at : at + 1] for at in range(len(data))]
    cuts = sorted(draw(st.sets(st.integers(0, len(data)), max_size=10)) | {0, len(data)})
    return [data[a:b] for a, b in itertools.pairwise(cuts)]


# --- Mutations ------------------------------------------------------------------------------------

INSERTIONS = [
    *(bytes([byte]) for byte in b"\r\n\0 \t:;,0af\x7f\xff\x0b"),
    b"\r\n",
    b"\r\n\r\n",
    b"\r\n ",
    b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
    b"0\r\n\r\n",
    b"ffffffffffffffff\r\n",
]
LINES = [
    b"Content-Length: 3\r\n",
    b"Content-Length: 0\r\n",
    b"Content_Length: 3\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: identity\r\n",
    b"Transfer_Encoding: chunked\r\n",
    b"Connection: close\r\n",
    b"Connection: keep-alive\r\n",
    b"Connection: upgrade\r\n",
    b"Upgrade: x\r\n",
    b"Connection: upgrade\r\nUpgrade: x\r\n",
    b"Expect: 100-continue\r\n",
    b"Host: other\r\n",
    b"X: 1\r\n",
    b"\r\n",
]
# Most changes make a stream malformed where they are; these by number leave something to serve.
CHANGES = ["line"] * 4 + ["letter"] * 2 + ["replace", "insert", "delete", "double", "splice"]


@st.composite
def mutated(draw):
    """Well-formed streams, and then not: a few places changed, or two of them put together."""
    data = b"".join(request for request, _ in draw(STREAMS))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        to = min(len(data), at + draw(st.integers(1, 12)))
        match draw(st.sampled_from(CHANGES)):
            case "line":
                starts = [match.end() for match in re.finditer(b"\r\n", data)]
                at = draw(st.sampled_from(starts or [0]))
                data = data[:at] + draw(st.sampled_from(LINES)) + data[at:]
            case "letter":
                data = data[:at] + draw(st.sampled_from([b"a", b"0", b"T"])) + data[at + 1 :]
            case "replace":
                data = data[:at] + bytes([draw(st.integers(0, 255))]) + data[at + 1 :]
            case "insert":
                data = data[:at] + draw(st.sampled_from(INSERTIONS)) + data[at:]
            case "delete":
                data = data[:at] + data[to:]
            case "double":
                data = data[:to] + data[at:]
            case "splice":
                other = b"".join(request for request, _ in draw(STREAMS))
                data = data[:at] + other[draw(st.integers(0, len(other))) :]
    return data


def unlike(answer):
    """An answer without the field that may differ between two of the same."""
    status, fields, body = answer
    return status, {name: value for name, value in fields.items() if name != b"date"}, body


# --- The tests ------------------------------------------------------------------------------------


def test_a_stream_means_the_same_wherever_it_is_split(bench, profile, second_opinion):
    @profile
    @given(stream=STREAMS, data=st.data())
    def check(stream, data):
        sent = b"".join(request for request, _ in stream)
        expected = [request for _, request in stream]
        methods = [method for method, _, _ in expected]
        whole, seen = bench.exchange([sent])
        assert seen == expected
        pieces, seen_in_pieces = bench.exchange(data.draw(split(sent)))
        assert seen_in_pieces == expected
        answers = second_opinion.answers(whole, methods)
        assert [body for _, _, body in answers] == [
            b"" if request[0] == b"HEAD" else b"".join(request) for request in expected
        ]
        in_pieces = second_opinion.answers(pieces, methods)
        assert list(map(unlike, in_pieces)) == list(map(unlike, answers))

    check()


def test_a_mutated_stream_is_answered_once_and_hides_no_request(bench, profile, second_opinion):
    @profile
    @given(stream=mutated(), data=st.data())
    def check(stream, data):
        received, seen = bench.exchange(data.draw(split(stream)))
        methods = [method for method, _, _ in seen]
        refused_method = second_opinion.method(stream, len(seen))
        answers = second_opinion.answers(received, methods, refused_method)
        for (status, _, body), request in zip(answers, seen, strict=False):
            if request[0] == b"CONNECT":
                assert status == 405
            else:
                assert (status, body) == (200, b"" if request[0] == b"HEAD" else b"".join(request))
        refused = answers[len(seen) :]
        assert len(answers) >= len(seen)
        assert [(status >= 400, fields[b"connection"]) for status, fields, _ in refused] in (
            [],
            [(True, b"close")],
        )
        bench.figures["refused"] += len(refused)
        # Being stricter is fine; to see a request where there is none, or another body, is not.
        assert seen == second_opinion.requests(stream)[: len(seen)]

    check()
