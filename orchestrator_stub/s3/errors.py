"""What AWS answers to a request that it refuses: status, code, sentence, and the members that explain it (pure).

Codes, sentences and members are those of S3's documentation (Error responses; Signature Version 4) and of its answers.
"""

from __future__ import annotations

import base64
import hashlib
from xml.sax.saxutils import escape

CONTENT_TYPE = b"application/xml"


class Refusal(Exception):
    """An answer instead of what was asked."""

    def __init__(self, status: int, code: str, message: str, members: tuple[tuple[str, str], ...] = ()) -> None:
        """`members`: further elements, name and text, in AWS's order."""
        super().__init__(message)
        self.status, self.code, self.message, self.members = status, code, message, members

    def body(self, request_id: str) -> bytes:
        """The XML document."""
        elements = (
            ("Code", self.code),
            ("Message", self.message),
            *self.members,
            ("RequestId", request_id),
            ("HostId", host_id(request_id)),
        )
        inside = "".join(f"<{name}>{_text(value)}</{name}>" for name, value in elements)
        return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inside}</Error>'.encode()


def invalid_bucket_name(name: str) -> Refusal:
    """400: no bucket can be called so."""
    return Refusal(400, "InvalidBucketName", "The specified bucket is not valid.", (("BucketName", name),))


def access_denied(message: str = "Access Denied", *members: tuple[str, str]) -> Refusal:
    """403 AccessDenied."""
    return Refusal(403, "AccessDenied", message, members)


def invalid_request(message: str) -> Refusal:
    """400 InvalidRequest."""
    return Refusal(400, "InvalidRequest", message)


def invalid_argument(message: str, name: str, value: str | None) -> Refusal:
    """400 InvalidArgument, naming the argument; `value` None = it was not sent."""
    sent = () if value is None else (("ArgumentValue", value),)
    return Refusal(400, "InvalidArgument", message, (("ArgumentName", name), *sent))


def not_implemented(header: str) -> Refusal:
    """501 for a header whose meaning S3 does not know."""
    message = "A header you provided implies functionality that is not implemented"
    return Refusal(501, "NotImplemented", message, (("Header", header),))


def precondition_failed(condition: str) -> Refusal:
    """412, naming the header that did not hold."""
    message = "At least one of the pre-conditions you specified did not hold"
    return Refusal(412, "PreconditionFailed", message, (("Condition", condition),))


def incomplete_body() -> Refusal:
    """400: the body is shorter or longer than announced, or its chunks are none."""
    message = "You did not provide the number of bytes specified by the Content-Length HTTP header"
    return Refusal(400, "IncompleteBody", message)


def missing_length() -> Refusal:
    """411: a body of unknown length."""
    return Refusal(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")


def internal_error() -> Refusal:
    """500, which clients try again."""
    return Refusal(500, "InternalError", "We encountered an internal error. Please try again.")


def bad_request() -> Refusal:
    """400: no HTTP."""
    return Refusal(400, "BadRequest", "An error occurred when parsing the HTTP request.")


def head_too_large() -> Refusal:
    """400: headers without end."""
    message = "Your request header section exceeds the maximum allowed size."
    return Refusal(400, "RequestHeaderSectionTooLarge", message)


def request_timeout() -> Refusal:
    """400: the client stopped in the middle of its body."""
    message = "Your socket connection to the server was not read from or written to within the timeout period."
    return Refusal(400, "RequestTimeout", f"{message} Idle connections will be closed.")


def host_id(request_id: str) -> str:
    """AWS's second id of an answer, as long as theirs."""
    return base64.b64encode(hashlib.sha512(request_id.encode()).digest()[:57]).decode()


def _text(value: str) -> str:
    """Text of an element; what XML cannot carry becomes a question mark."""
    shown = "".join(char if char >= " " or char in "\t\n\r" else "?" for char in value)
    return escape(shown.encode("utf-8", "replace").decode(), {'"': "&quot;", "'": "&apos;", "\r": "&#13;"})
