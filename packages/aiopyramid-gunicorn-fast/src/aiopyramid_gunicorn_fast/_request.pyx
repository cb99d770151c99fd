# cython: language_level=3
"""The usual request, from its bytes to its environ; the pure code decides about any other.

A head is only searched and cut by functions of Python, each of which checks its bounds. httptools
has validated it before it is used.
"""

from cpython.unicode cimport PyUnicode_FindChar, PyUnicode_Substring
from urllib.parse import unquote_to_bytes

import httptools

from aiopyramid_core.servers import is_host
from aiopyramid_gunicorn._http1 import environ as pure_environ
from aiopyramid_gunicorn._http1.head import RequestHead
from aiopyramid_gunicorn._http1.whole_request import MAY_HAVE_BODY, names_body

cdef tuple HTTP_1_1 = (1, 1)
cdef tuple HTTP_1_0 = (1, 0)
cdef dict usual_keys = pure_environ.usual_keys
cdef object pure_build_environ = pure_environ.build_environ
cdef object get_fields = RequestHead.fields.fget


cdef class WholeRequestHead:
    """The head of a request that has arrived in one piece.

    Its lines are made when somebody asks for them. Until then, ``fields`` has the names and values
    in turn, and only an environ is made of them.
    """

    cdef public str method
    cdef public str target
    cdef public tuple version
    cdef public bint keep_alive
    cdef public bint upgrade
    cdef str text
    cdef list names_and_values
    cdef list given_lines

    def __init__(self):
        raise TypeError("only WholeRequestReader.read makes a head")

    @property
    def lines(self):
        """The field lines in order."""
        if self.given_lines is None:
            self.given_lines = self.text.split("\r\n")[1:]
        return self.given_lines

    @lines.setter
    def lines(self, list lines not None):
        self.given_lines = lines

    @property
    def fields(self):
        """The name and value of each field in order, without surrounding whitespace."""
        return get_fields(self)


cdef class WholeRequestReader:
    """As the pure reader: the same checks in the same order, on the same bytes."""

    cdef Py_ssize_t most_bytes
    cdef Py_ssize_t most_fields
    cdef Py_ssize_t most_line_bytes
    cdef bint is_complete
    cdef Py_ssize_t body_bytes
    cdef object native

    def __init__(self, most_bytes, most_fields, most_line_bytes):
        self.most_bytes = most_bytes
        self.most_fields = most_fields
        self.most_line_bytes = most_line_bytes

    def read(self, bytes data not None):
        """Return the head and the body of the request that the data consists of, or None."""
        cdef Py_ssize_t end = data.find(b"\r\n\r\n")
        if not 0 <= end <= self.most_bytes:
            return None
        cdef Py_ssize_t rest_bytes = len(data) - (end + 4)
        cdef WholeRequestHead head = split(
            data[:end].decode("latin1"), self.most_fields, self.most_line_bytes
        )
        if head is None:
            return None
        # Without a field that names the length, the rest is not a body, or not all of one.
        if rest_bytes and (
            head.method not in MAY_HAVE_BODY or b"%d" % rest_bytes not in data[:end]
        ):
            return None
        if self.native is None:
            self.native = httptools.HttpRequestParser(self)
        self.is_complete = False
        self.body_bytes = 0
        try:
            self.native.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.native = None
            head.upgrade = head.method != "CONNECT" and not names_body(data[:end])
            self.is_complete = self.is_complete and head.upgrade
        except httptools.HttpParserError:
            self.is_complete = False
        if not self.is_complete or self.body_bytes != rest_bytes:
            self.native = None
            return None
        return head, data[end + 4 :] if rest_bytes else b""

    def close(self):
        """Break the reference cycle with the native parser."""
        self.native = None

    def on_body(self, data):
        """Count a part of the body."""
        self.body_bytes += len(data)

    def on_message_complete(self):
        """Note that the request is complete."""
        self.is_complete = self.native.should_keep_alive()


cdef WholeRequestHead split(str text, Py_ssize_t most_fields, Py_ssize_t most_line_bytes):
    """Split the head of a request; return None if it is not a usual one."""
    cdef Py_ssize_t length = len(text)
    cdef Py_ssize_t end = line_end(text, 0, length)
    if end < 0:
        return None
    cdef Py_ssize_t first = PyUnicode_FindChar(text, c" ", 0, end, 1)
    cdef Py_ssize_t last = PyUnicode_FindChar(text, c" ", 0, end, -1)
    # Three parts; the native parser would skip further spaces, and a line end before the method.
    if not 0 < first < last or end > most_line_bytes or not text[0].isalpha():
        return None
    if PyUnicode_FindChar(text, c" ", first + 1, last, 1) >= 0:
        return None
    cdef WholeRequestHead head = WholeRequestHead.__new__(WholeRequestHead)
    cdef str version = PyUnicode_Substring(text, last + 1, end)
    if version == "HTTP/1.1":
        head.version = HTTP_1_1
    elif version == "HTTP/1.0":
        head.version = HTTP_1_0
    else:
        return None
    head.method = PyUnicode_Substring(text, 0, first)
    head.target = PyUnicode_Substring(text, first + 1, last)
    head.keep_alive = True
    head.text = text
    head.names_and_values = names_and_values = []
    cdef Py_ssize_t colon, start, fields = 0
    while end < length:
        start = end + 2
        end = line_end(text, start, length)
        fields += 1
        if end < 0 or fields > most_fields:
            return None
        colon = PyUnicode_FindChar(text, c":", start, end, 1)
        if colon < 0:
            return None
        names_and_values.append(PyUnicode_Substring(text, start, colon))
        names_and_values.append(value_in(text, colon + 1, end))
    return head


cdef Py_ssize_t line_end(str text, Py_ssize_t start, Py_ssize_t length) except -2:
    """Return where a line ends; -1 if it is by something else than both characters."""
    cdef Py_ssize_t end = PyUnicode_FindChar(text, c"\r", start, length, 1)
    if end < 0:
        return length
    return end if end + 1 < length and text[end + 1] == c"\n" else -1


cdef str value_in(str text, Py_ssize_t start, Py_ssize_t end):
    """Return a part of a text without spaces and tabs around it."""
    while start < end and text[start] in (c" ", c"\t"):
        start += 1
    while start < end and text[end - 1] in (c" ", c"\t"):
        end -= 1
    return PyUnicode_Substring(text, start, end)


def build_environ(head, dict connection not None, settings, *, bint trusted):
    """Return the environ of a request, complete but for ``wsgi.input``."""
    cdef dict environ
    if type(head) is WholeRequestHead:
        environ = usual_environ(head, connection, settings, trusted)
        if environ is not None:
            return environ
    return pure_build_environ(head, connection, settings, trusted=trusted)


cdef dict usual_environ(WholeRequestHead head, dict connection, settings, bint trusted):
    """Return the environ of a usual request, or None."""
    cdef str target = head.target
    if (
        not target
        or target[0] != c"/"
        or "#" in target
        or head.method == "CONNECT"
        or head.given_lines is not None
        or settings.script_name
    ):
        return None
    cdef dict environ = connection.copy()
    cdef list names_and_values = head.names_and_values
    cdef Py_ssize_t place
    for place in range(0, len(names_and_values), 2):
        key = usual_keys.get(names_and_values[place])
        if key is None or key in environ:
            return None
        environ[key] = names_and_values[place + 1]
    host = environ.get("HTTP_HOST")
    if (
        host is None
        or "HTTP_TRANSFER_ENCODING" in environ
        or "SERVER_NAME" not in environ
        or not is_host(host)
    ):
        return None
    if trusted:
        for key in <dict?>settings.scheme_headers:
            if key in environ:
                return None
    environ["REQUEST_METHOD"] = head.method
    environ["SERVER_PROTOCOL"] = "HTTP/1.1" if head.version == HTTP_1_1 else "HTTP/1.0"
    environ["RAW_URI"] = target
    cdef Py_ssize_t question = PyUnicode_FindChar(target, c"?", 0, len(target), 1)
    cdef str path = target
    if question < 0:
        environ["QUERY_STRING"] = ""
    else:
        path = PyUnicode_Substring(target, 0, question)
        environ["QUERY_STRING"] = PyUnicode_Substring(target, question + 1, len(target))
    environ["SCRIPT_NAME"] = ""
    environ["PATH_INFO"] = unquote_to_bytes(path).decode("latin-1") if "%" in path else path
    return environ
