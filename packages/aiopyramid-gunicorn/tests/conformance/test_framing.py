"""Content-Length and Transfer-Encoding: where a body ends, and nothing that hides behind it."""

POST = b"POST /x HTTP/1.1\r\nHost: test\r\n"
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: test\r\n\r\n"
CHUNKED = b"3\r\nabc\r\n0\r\n\r\n"


def post(*fields, body=b"", head=POST):
    return head + b"".join(field + b"\r\n" for field in fields) + b"\r\n" + body


LENGTHS = {
    "with a plus sign": b"+3",
    "below zero": b"-3",
    "in hexadecimal": b"0x3",
    "with a fraction": b"3.0",
    "with an exponent": b"3e0",
    "with an underscore": b"1_0",
    "with something after it": b"3;a",
    "of two numbers": b"3 3",
    "that is a list of the same number": b"3, 3",
    "that is a list of two numbers": b"3,4",
    "that is empty": b"",
    "that is whitespace": b" \t ",
    "with a vertical tab": b"\x0b3",
    # Whitespace that Python's str.strip() would remove and int() would accept.
    "with a no-break space before it": b"\xa03",
    "with a no-break space after it": b"3\xa0",
    "with a next line after it": b"3\x85",
    "with a form feed after it": b"3\x0c",
    "with a file separator after it": b"3\x1c",
    "with a NUL": b"3\0",
    "in superscript": b"\xb3",
    "in quotes": b'"3"',
    "of 2 to the 64th": b"18446744073709551616",
    "of 2 to the 64th and three": b"18446744073709551619",
    "of forty digits": b"9" * 40,
}

CODINGS = {
    "identity": (b"identity", 400),
    "of chunked in quotes": (b'"chunked"', 400),
    "of chunked with a parameter": (b"chunked;q=1", 400),
    "with something before chunked": (b"xchunked", 400),
    "with something after chunked": (b"chunkedx", 400),
    "with a vertical tab before chunked": (b"\x0bchunked", 400),
    "with a no-break space before chunked": (b"\xa0chunked", 400),
    "with a no-break space after chunked": (b"chunked\xa0", 400),
    "with a next line after chunked": (b"chunked\x85", 400),
    "of nothing but commas": (b", ,", 400),
    "that is chunked twice in two cases": (b"chunked, CHUNKED", 400),
    "with a NUL after chunked": (b"chunked\0", 400),
    "with a space in chunked": (b"chunk ed", 400),
    "that is empty": (b"", 400),
    "of gzip alone": (b"gzip", 400),
    "that nobody knows": (b"cow", 400),
    "that ends in gzip": (b"chunked, gzip", 400),
    "that ends in identity": (b"chunked, identity", 400),
    "that is chunked twice": (b"chunked, chunked", 400),
    "that ends with a comma": (b"chunked,", 400),
    # A coding that is not undone here would reach the application as if it were the content.
    "of gzip, then chunked": (b"gzip, chunked", 501),
    "of deflate with a parameter, then chunked": (b"deflate;a=b, chunked", 501),
    "that nobody knows, then chunked": (b"cow, chunked", 501),
    "of identity, then chunked": (b"identity, chunked", 501),
    "of nothing, then chunked": (b", chunked", 501),
}

UPGRADE = (b"Connection: Upgrade", b"Upgrade: h2c")


def cases(make):
    accepted, refused, seen, limits = make.accepted, make.refused, make.seen, make.limits

    def smuggles(name, rfc, *fields, body=CHUNKED, head=POST, status=400):
        return refused(name, rfc, post(*fields, body=body + HIDDEN, head=head), status)

    def passes(name, rfc, *fields, body=b"abc", content=b"abc", **environ):
        return accepted(name, rfc, post(*fields, body=body), seen("POST", "/x", content, environ))

    te, length = b"Transfer-Encoding: ", b"Content-Length: "
    return [
        *(
            smuggles(f"a length {what} is refused", "9110 8.6", length + value, body=b"abc")
            for what, value in LENGTHS.items()
        ),
        *(
            smuggles(
                f"a coding {what} is refused",
                "9112 6.3" if status == 400 else "9112 6.1",
                te + value,
                status=status,
            )
            for what, (value, status) in CODINGS.items()
        ),
        # --- Repeated and conflicting ---
        smuggles("two lengths are refused", "9112 6.3", length + b"3", length + b"44"),
        smuggles("the same length twice is refused", "9112 6.3", length + b"3", length + b"3"),
        smuggles("a length and an empty one are refused", "9112 6.3", length + b"3", length),
        smuggles("a length and chunked are refused", "9112 6.1", length + b"3", te + b"chunked"),
        smuggles("chunked and a length are refused", "9112 6.1", te + b"chunked", length + b"3"),
        smuggles(
            "a length of 0 and chunked are refused", "9112 6.1", length + b"0", te + b"chunked"
        ),
        smuggles("a length and identity are refused", "9112 6.1", length + b"3", te + b"identity"),
        smuggles("a length and no coding are refused", "9112 6.1", length + b"3", te),
        smuggles("chunked on two lines is refused", "9112 6.1", te + b"chunked", te + b"chunked"),
        smuggles(
            "chunked, then identity is refused", "9112 6.3", te + b"chunked", te + b"identity"
        ),
        smuggles("chunked, then a cow is refused", "9112 6.3", te + b"chunked", te + b"cow"),
        smuggles(
            "identity, then chunked is refused",
            "9112 6.1",
            te + b"identity",
            te + b"chunked",
            status=501,
        ),
        smuggles("a length before a space is none", "9112 5.1", b"Content-Length : 3"),
        smuggles("a coding before a space is none", "9112 5.1", b"Transfer-Encoding : chunked"),
        smuggles("a length with a NUL in its name is none", "9110 5.6.2", b"Content-Length\0: 3"),
        smuggles("a coding with a NUL in its name is none", "9110 5.6.2", te[:-2] + b"\0: chunked"),
        smuggles("a coding before a form feed is none", "9110 5.6.2", te[:-2] + b"\x0c: chunked"),
        smuggles("a coding before a tab is none", "9112 5.1", b"Transfer-Encoding\t: chunked"),
        smuggles("a folded coding is refused", "9112 5.2", b"Transfer-Encoding:\r\n chunked"),
        smuggles(
            "a coding folded into a field is refused", "9112 5.2", b"X: a\r\n " + te + b"chunked"
        ),
        smuggles("a coding after a bare LF is refused", "9112 2.2", b"X: a\n" + te + b"chunked"),
        smuggles("a coding after a bare CR is refused", "9112 2.2", b"X: a\r" + te + b"chunked"),
        smuggles(
            "HTTP/1.0 has no chunked bodies",
            "9112 6.1",
            te + b"chunked",
            head=b"POST /x HTTP/1.0\r\nConnection: keep-alive\r\n",
        ),
        accepted(  # header_map drops it, as it does all names with an underscore
            "a length with an underscore is none: there is no body",
            "9112 6.3",
            post(b"Content_Length: %d" % len(HIDDEN), body=HIDDEN),
            seen("POST", "/x", environ={"CONTENT_LENGTH": None, "HTTP_CONTENT_LENGTH": None}),
            seen("GET", "/hidden"),
        ),
        accepted(
            "a coding with an underscore is none: there is no body",
            "9112 6.3",
            post(b"Transfer_Encoding: chunked", body=b"0\r\n\r\n" + HIDDEN),
            seen("POST", "/x"),
            answers=(200, 400),
            closes=True,
        ),
        # --- After an upgrade that nobody accepts ---
        smuggles("identity after an upgrade is refused", "9112 6.3", *UPGRADE, te + b"identity"),
        smuggles("a cow after an upgrade is refused", "9112 6.3", *UPGRADE, te + b"cow"),
        smuggles(
            "gzip, then chunked after an upgrade is refused",
            "9112 6.1",
            *UPGRADE,
            te + b"gzip, chunked",
            status=501,
        ),
        smuggles(
            "a length and chunked after an upgrade are refused",
            "9112 6.1",
            *UPGRADE,
            length + b"3",
            te + b"chunked",
        ),
        smuggles(
            "two lengths after an upgrade are refused",
            "9112 6.3",
            *UPGRADE,
            length + b"3",
            length + b"4",
        ),
        passes(
            "a declined upgrade keeps the body by its length",
            "9110 7.8",
            *UPGRADE,
            length + b"%d" % len(HIDDEN),
            body=HIDDEN,
            content=HIDDEN,
        ),
        passes(
            "a declined upgrade keeps its chunked body",
            "9110 7.8",
            *UPGRADE,
            te + b"chunked",
            body=CHUNKED,
        ),
        # --- What is right ---
        passes("a body has its length", "9112 6.2", length + b"3", CONTENT_LENGTH="3"),
        passes("a length may have leading zeros", "9110 8.6", length + b"0003"),
        passes("a length of many zeros is none", "9110 8.6", length + b"0" * 30 + b"3"),
        passes("whitespace around a length does not count", "9112 5.1", length + b" \t3 \t"),
        passes("a length may be 0", "9112 6.3", length + b"0", body=b"", content=b""),
        passes("without length and coding there is no body", "9112 6.3", body=b"", content=b""),
        passes(
            "a body is bytes that mean nothing",
            "9112 6.2",
            length + b"%d" % len(HIDDEN * 2),
            body=HIDDEN * 2,
            content=HIDDEN * 2,
        ),
        passes(
            "a chunked body has a length once it is here",
            "9112 6.3",
            te + b"chunked",
            body=CHUNKED,
            CONTENT_LENGTH="3",
            HTTP_TRANSFER_ENCODING=None,
        ),
        passes("codings are case-insensitive", "9112 7", te + b"CHUNKed", body=CHUNKED),
        passes("a coding needs no space before it", "9112 5", te[:-1] + b"chunked", body=CHUNKED),
        passes("a coding may have a space after it", "9112 5.1", te + b"chunked ", body=CHUNKED),
        passes(
            "a field that sounds like a length is none",
            "9110 8.6",
            b"X-Content-Length: 3",
            body=b"",
            content=b"",
        ),
        accepted(
            "GET may have a body",
            "9110 9.3.1",
            b"GET /x HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN,
            seen("GET", "/x", HIDDEN),
        ),
        accepted(
            "HEAD may have a body",
            "9110 9.3.2",
            b"HEAD /x HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\n\r\nabc",
            seen("HEAD", "/x", b"abc"),
        ),
        accepted(
            "what is after a body begins where its length says",
            "9112 6.3",
            post(length + b"3", body=b"abc" + HIDDEN),
            seen("POST", "/x", b"abc"),
            seen("GET", "/hidden"),
        ),
        accepted(
            "a body longer than its length is not a request",
            "9112 6.3",
            post(length + b"3", body=b"abcdef\r\n" + HIDDEN),
            seen("POST", "/x", b"abc"),
            answers=(200, 400),
            closes=True,
        ),
        # --- Too long, too short ---
        refused(
            "a length beyond the limit is refused before the body comes",
            "9110 15.5.14",
            post(length + b"11"),
            413,
            limits=limits(body_bytes=10),
        ),
        refused(
            "the longest length there is is refused",
            "9110 15.5.14",
            post(length + b"18446744073709551615", body=HIDDEN),
            413,
        ),
        refused(
            "chunks beyond the limit are refused",
            "9110 15.5.14",
            post(te + b"chunked", body=b"6\r\nabcdef\r\n" * 2 + b"0\r\n\r\n" + HIDDEN),
            413,
            limits=limits(body_bytes=10),
        ),
        *(
            make.accepted(
                f"a request that ends in its {what} is dropped", "9112 8", data, half_closes=True
            )
            for what, data in {
                "method": b"GE",
                "head": b"GET /x HTTP/1.1\r\nHost: te",
                "last line end": b"GET /x HTTP/1.1\r\nHost: test\r\n\r",
                "body": post(length + b"3", body=b"ab"),
                "chunk size": post(te + b"chunked", body=b"3"),
                "chunk": post(te + b"chunked", body=b"3\r\nab"),
                "last chunk": post(te + b"chunked", body=b"3\r\nabc\r\n0\r\n"),
                "trailer": post(te + b"chunked", body=b"3\r\nabc\r\n0\r\nX: 1\r\n"),
            }.items()
        ),
    ]


async def test_the_framing_of_requests(case, way, conforms):
    await conforms(case, way)
