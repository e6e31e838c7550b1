"""A request to S3 as its head says it: which bucket and object, which parameters, which headers (pure)."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orchestrator_stub.domain.hosts import is_loopback
from orchestrator_stub.s3.errors import Refusal, access_denied

Pairs = tuple[tuple[str, str], ...]
ALGORITHM_PARAMETER = "X-Amz-Algorithm"
"""Makes a query one that is signed (version 4)."""
SIGNATURE_PARAMETER = "Signature"
"""The same for version 2."""
_NOT_THE_BODY = ("acl", "tagging", "retention", "legal-hold", "torrent")


@dataclass(frozen=True, slots=True)
class Request:
    """The head of one request."""

    method: str
    path: str
    """As sent, percent-encoded."""
    query: str
    """As sent, without the question mark."""
    parameters: Pairs
    """The query, decoded, in the order of sending."""
    headers: Pairs
    """Names in lower case, in the order of sending."""
    bucket: str
    """"" for the service itself."""
    key: str
    """"" for the bucket itself."""
    is_virtual: bool = False
    """The host names the bucket."""

    def header(self, name: str) -> str | None:
        """The first value of a header; None when it was not sent."""
        return next((value for each, value in self.headers if each == name), None)

    def parameter(self, name: str) -> str | None:
        """The first value of a query parameter; None when it was not sent."""
        return next((value for each, value in self.parameters if each == name), None)

    def asks(self, *names: str) -> bool:
        """Whether the query has one of these parameters."""
        return any(name in names for name, _ in self.parameters)

    @property
    def is_presigned(self) -> bool:
        """Whether the signature stands in the query."""
        return self.asks(ALGORITHM_PARAMETER, SIGNATURE_PARAMETER)

    @property
    def stores(self) -> bool:
        """Whether it makes an object or a part of one."""
        return self.method == "PUT" and bool(self.key) and not self.asks(*_NOT_THE_BODY)

    @property
    def opens_bucket(self) -> bool:
        """Whether an object, or an upload in parts, begins with it: what a bucket is made for when it is missing."""
        if self.method == "POST":
            return bool(self.key) and self.asks("uploads")
        return self.stores and not self.asks("uploadId")


def read_request(method: str, target: str, headers: Sequence[tuple[bytes, bytes]], hosts: Iterable[str]) -> Request:
    """The head of a request, with the bucket from its host or from its path.

    :param target: of the request line, in origin form
    :param headers: as received
    :param hosts: names besides loopback that mean this machine
    :raises Refusal: the target is no path, or the host is not this machine
    """
    if not target.startswith("/"):
        raise Refusal(400, "InvalidURI", "Couldn't parse the specified URI.", (("URI", target),))
    path, _, query = target.partition("?")
    sent = tuple((_str(name).lower(), _str(value)) for name, value in headers)
    bucket = _bucket_of_host(next((value for name, value in sent if name == "host"), ""), hosts)
    first, _, rest = path[1:].partition("/")
    return Request(
        method,
        path,
        query,
        parameters=tuple(_pairs(query)),
        headers=sent,
        bucket=bucket or urllib.parse.unquote(first),
        key=urllib.parse.unquote(path[1:] if bucket else rest),
        is_virtual=bool(bucket),
    )


def _pairs(query: str) -> Iterable[tuple[str, str]]:
    for pair in query.split("&"):
        if pair:
            name, _, value = pair.partition("=")
            yield urllib.parse.unquote_plus(name), urllib.parse.unquote_plus(value)


def _bucket_of_host(host: str, hosts: Iterable[str]) -> str:
    """The bucket of `BUCKET.localhost:4570`; "" when the host names none.

    :raises Refusal: another machine is meant: a web page whose name leads here could use the stub's known keys
    """
    try:
        name = (urllib.parse.urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        name = ""
    for base in ("localhost", *(each.lower() for each in hosts)):
        if name in (base, f"s3.{base}"):
            return ""
        if name.endswith(f".{base}"):
            return name.removesuffix(f".{base}").removesuffix(".s3")
    if is_loopback(name):
        return ""
    allow = f"start the stub with --allow-host {name or 'NAME'} to allow it"
    raise access_denied(f"Host {host!r} is not this machine; {allow}")


def _str(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
