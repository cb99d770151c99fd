# cython: language_level=3
"""The usual response, from the arguments of ``start_response`` to its bytes.

The pure code decides about any other, from the beginning, so that its checks and errors are the
only ones.
"""

from cpython.time cimport time
from types import FunctionType

from aiopyramid_core.exceptions import ApplicationError
from aiopyramid_core.response_head import special_name, status_code
from aiopyramid_core.servers import WSGIResponse
from aiopyramid_gunicorn._http1 import response as pure
from aiopyramid_gunicorn._http1.date import date_line

cdef object pure_start = pure.Response.start
cdef object pure_encode_whole = pure.Response.encode_whole
cdef object NO_FRAMING = pure.NONE
cdef object LENGTH = pure.LENGTH
cdef tuple HTTP_1_1 = (1, 1)

cdef dict specials = {}
cdef int MOST_SPECIALS = 256


cdef class UsualResponse:
    """The state of a response, and what a usual one goes through."""

    cdef public str _method
    cdef public object _left
    cdef public object status
    cdef public object code
    cdef public list headers
    cdef public tuple given
    cdef public object length
    cdef public bint asks_to_close
    cdef public bint head_sent
    cdef public object parts
    cdef public object sent
    cdef public object ends_on_stop
    cdef public object _version
    cdef public object _framing
    cdef public bint has_ended
    cdef public bint keep_alive

    def __init__(self, str method not None, version, *, bint keep_alive):
        self._method = method
        self._left = self.code = self.parts = self.sent = 0
        self.headers = []
        self.given = ()
        self._version = version
        self._framing = NO_FRAMING
        self.keep_alive = keep_alive

    def start(self, status, headers, exc_info=None, may_switch=False):
        """Take the status and the header fields."""
        if exc_info is not None or self.status is not None or not usual_start(self, status, headers):
            pure_start(self, status, headers, exc_info, may_switch)

    def encode_whole(self, bytes body not None):
        """Encode the head and a body that is complete already."""
        cdef bytes head = usual_head(self, len(body))
        if head is None:
            return pure_encode_whole(self, body)
        self._framing = LENGTH if body else NO_FRAMING
        self.head_sent = True
        self.has_ended = True
        self.parts += 1
        self._left = 0
        self.sent += len(body)
        return head + body


def _completed(base):
    """Return a class with all that the pure one has and the base has not."""
    # The number of the interface does not tell, because aiopyramid-core has versions of its own.
    unknown = {*WSGIResponse.__slots__, *pure.Response.__slots__} - vars(base).keys()
    if unknown:
        raise ImportError(
            "it was made for another version of aiopyramid-core or aiopyramid-gunicorn, in which a"
            f" response has no {', '.join(sorted(unknown))}"
        )
    members = {**vars(WSGIResponse), **vars(pure.Response)}
    rest = {
        name: member
        for name, member in members.items()
        if isinstance(member, (FunctionType, property)) and name not in vars(base)
    }
    return type("Response", (base,), {"__slots__": (), "__module__": __name__, **rest})


Response = _completed(UsualResponse)


cdef bint usual_start(UsualResponse self, status, headers) except -1:
    """Take the arguments of ``start_response`` if all of them are usual; else change nothing."""
    cdef list passed = []
    length = None
    if type(status) is not str or type(headers) is not list:
        return False
    try:
        code = status_code(status)
        if code < 200 or code == 204 or code == 304:
            return False
        if self._method == "HEAD" or self._method == "CONNECT":
            return False
        for field in <list>headers:
            if type(field) is not tuple or len(<tuple>field) != 2:
                return False
            name, value = <tuple>field
            if type(name) is not str or type(value) is not str:
                return False
            special = specials.get(name, ApplicationError)
            if special is ApplicationError:
                special = remember_special(name)
            if special is not None:
                if special != "content-length" or length is not None or not is_number(value):
                    return False
                length = int(value)
            passed.append(field)
    except ApplicationError:
        return False
    self.code = code
    self.length = self._left = length
    self.given = ()
    self.asks_to_close = False
    self.headers = passed
    self.status = status
    return True


cdef remember_special(str name):
    special = special_name(name)
    if len(specials) >= MOST_SPECIALS:
        specials.clear()
    specials[name] = special
    return special


cdef bint is_number(str value):
    """Return whether a value is a usual Content-Length."""
    for character in value:
        if not c"0" <= character <= c"9":
            return False
    return 0 < len(value) < 19


cdef bytes usual_head(UsualResponse self, Py_ssize_t body_length):
    """Return the bytes of a usual head, or None."""
    if (
        self.status is None
        or self.given
        or self.asks_to_close
        or not self.keep_alive
        or self._version != HTTP_1_1
        or self.code < 200
    ):
        return None
    if self._left != body_length or self.length != body_length:
        return None
    cdef list pieces = ["HTTP/1.1 ", self.status, "\r\n"]
    cdef str value
    for name, value in self.headers:
        if not is_printable_ascii(value):
            return None
        pieces.append(name)
        pieces.append(": ")
        pieces.append(value)
        pieces.append("\r\n")
    pieces.append(end_of_head())
    return "".join(pieces).encode("latin-1")


cdef bint is_printable_ascii(str value):
    for character in value:
        if not 0x20 <= character <= 0x7E:
            return False
    return True


cdef long end_second = 0
cdef str end_text = ""


cdef str end_of_head():
    """Return the fields that we add, and the empty line; formatted once a second."""
    global end_second, end_text
    cdef long now = <long>time()
    if now != end_second:
        end_text = f"Server: gunicorn\r\n{date_line()}\r\n"
        end_second = now
    return end_text
