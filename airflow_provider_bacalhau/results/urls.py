"""Reading results over HTTP: every hop and every address is checked, no query ever reaches a log."""

from __future__ import annotations

import logging
import re
import socket
import ssl
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Self

from airflow_provider_bacalhau.errors import HostRefused, ResultError
from airflow_provider_bacalhau.results.hosts import AllowedHosts, is_loopback, parse_address
from airflow_provider_bacalhau.results.manifest import without_query
from airflow_provider_bacalhau.results.transfer import Answer, Interrupted

if TYPE_CHECKING:
    import httpx

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_HOPS = 5
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_LOGGERS = ("httpcore.connection", "httpcore.http11", "httpcore.proxy")
_EXPIRED = re.compile(rb"expired", re.IGNORECASE)

Resolve = Callable[[str, int], Sequence[str]]


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, as the system sees them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Http:
    """GETs of result URLs. A context manager; connections are kept while it is open.

    It uses httpx's transport without its client, because the client logs each URL with its query. A name is resolved
    here, its addresses are checked, and the connection goes to the checked address, so that a second answer of the DNS
    cannot lead elsewhere. Behind a proxy (HTTPS_PROXY, NO_PROXY) the proxy resolves.

    :param verify: TLS verification as httpx takes it: True, False, or a context.
    """

    def __init__(
        self,
        *,
        verify: ssl.SSLContext | bool = True,
        connect_timeout: float = 5.0,
        read_timeout: float = 35.0,
        resolve: Resolve = resolve,
    ) -> None:
        self._verify = verify
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._resolve = resolve
        self._transports: dict[str, httpx.HTTPTransport] = {}
        self._redact = _WithoutQueries()

    def __enter__(self) -> Self:
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(self._redact)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for transport in self._transports.values():
            transport.close()
        self._transports.clear()
        for name in _LOGGERS:
            logging.getLogger(name).removeFilter(self._redact)

    @contextmanager
    def get(
        self, url: str, headers: Mapping[str, str], *, allowed: AllowedHosts, owner: str
    ) -> Iterator[httpx.Response]:
        """The answer to a GET after redirects; its body is read with `iter_raw`.

        :param allowed: checked for the URL and for each redirect.
        :param owner: whose result it is, for messages.
        :raises HostRefused: a host or address is not allowed.
        :raises Interrupted: no answer this time.
        """
        import httpx

        try:
            target = httpx.URL(url)
            for _ in range(_MOST_HOPS + 1):
                response = self._send(target, headers, allowed, owner)
                with _closing(response):
                    location = response.headers.get("location")
                    if response.status_code not in _REDIRECTS or not location:
                        yield response
                        return
                following = target.join(location)
                if target.scheme == "https" and following.scheme != "https":
                    raise HostRefused(f"The result of {owner} is redirected from https to {following.scheme}.")
                target = following
        except httpx.InvalidURL:
            raise ResultError(f"The result of {owner} has a malformed URL.") from None
        except httpx.TransportError as error:
            raise _no_answer(error, without_query(str(target))) from None
        raise ResultError(f"The result of {owner} is redirected more than {_MOST_HOPS} times.")

    def _send(self, url: httpx.URL, headers: Mapping[str, str], allowed: AllowedHosts, owner: str) -> httpx.Response:
        import httpx

        allowed.check_name(url.scheme, url.host, owner=owner)
        timeout = httpx.Timeout(self._read_timeout, connect=self._connect_timeout).as_dict()
        proxy = _proxy(url)
        if proxy:
            return self._transport(proxy).handle_request(
                httpx.Request("GET", url, headers=headers, extensions={"timeout": timeout})
            )
        failure: httpx.TransportError | None = None
        for address in self._addresses(url, allowed, owner):
            pinned = httpx.Request(
                "GET",
                url.copy_with(host=address),
                headers={"Host": url.netloc.decode("ascii"), **headers},
                extensions={"timeout": timeout, "sni_hostname": url.host},
            )
            try:
                return self._transport("").handle_request(pinned)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = error
        raise failure or httpx.ConnectError("the name has no address")

    def _addresses(self, url: httpx.URL, allowed: AllowedHosts, owner: str) -> Sequence[str]:
        if parse_address(url.host) is not None:
            return [url.host]
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            found = self._resolve(url.host, port)
        except OSError as error:
            raise Interrupted(f"{url.host} cannot be resolved ({error.strerror})") from None
        for text in found:
            address = parse_address(text)
            if address is None:
                raise Interrupted(f"{url.host} cannot be resolved")
            allowed.check_address(url.host, address, owner=owner)
        return found

    def _transport(self, proxy: str) -> httpx.HTTPTransport:
        import httpx

        if proxy not in self._transports:
            self._transports[proxy] = httpx.HTTPTransport(verify=self._verify, proxy=proxy or None)
        return self._transports[proxy]


@dataclass(slots=True)
class HttpOpener:
    """One object behind a URL that may expire.

    :param what: how messages call it, without any query.
    :param locate: gives the URL (a credential); with True a fresh one, None when there is none.
    :param allowed: the hosts it may come from.
    """

    http: Http
    what: str
    owner: str
    allowed: AllowedHosts
    locate: Callable[[bool], str | None] = field(repr=False)
    _url: str = field(default="", repr=False)

    @contextmanager
    def open(self, offset: int, validator: str) -> Iterator[Answer]:
        """See `transfer.Opener.open`; a validator is an ETag or a Last-Modified date."""
        import httpx

        self._url = self._url or self.locate(False) or ""
        headers = {"Accept-Encoding": "identity", "User-Agent": "airflow-provider-bacalhau"}
        if offset:
            headers["Range"] = f"bytes={offset}-"
            headers["If-Match" if validator.startswith('"') else "If-Unmodified-Since"] = validator
        with self.http.get(self._url, headers, allowed=self.allowed, owner=self.owner) as response:
            if response.status_code not in (200, 206):
                raise _refusal(response, self.what)
            try:
                yield Answer(*_extent(response), _validator(response), response.iter_raw())
            except httpx.TransportError as error:
                raise _no_answer(error, self.what) from None

    def renew(self) -> bool:
        """See `transfer.Opener.renew`."""
        fresh = self.locate(True)
        if not fresh or fresh == self._url:
            return False
        self._url = fresh
        return True


class _WithoutQueries(logging.Filter):
    """httpcore logs answers' headers at DEBUG; a redirect's Location carries the signature along."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = re.sub(r"\?[^\s'\"]*", "?...", record.getMessage()), ()
        return True


@contextmanager
def _closing(response: httpx.Response) -> Iterator[None]:
    try:
        yield
    finally:
        response.close()


def _proxy(url: httpx.URL) -> str:
    """The proxy that the environment names for this URL, or ""; another machine's proxy cannot reach our loopback."""
    if is_loopback(url.host) or urllib.request.proxy_bypass(url.host):
        return ""
    proxies = urllib.request.getproxies()
    return proxies.get(url.scheme) or proxies.get("all") or ""


def _extent(response: httpx.Response) -> tuple[int, int | None]:
    """Where the body starts and how large the whole object is."""
    if response.status_code == 206:
        match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("content-range", "").strip())
        if match is None:
            raise Interrupted("the server answered with a part that it does not name", "changed")
        return int(match[1]), None if match[2] == "*" else int(match[2])
    length = response.headers.get("content-length", "")
    return 0, int(length) if length.isdecimal() else None


def _validator(response: httpx.Response) -> str:
    etag = str(response.headers.get("etag", ""))
    return etag if etag.startswith('"') else str(response.headers.get("last-modified", ""))


def _refusal(response: httpx.Response, what: str) -> Exception:
    """What an answer other than 200 and 206 means for the download."""
    status = response.status_code
    body = b""
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > 4096:
            break
    found = re.search(rb"<Code>([A-Za-z]{1,64})</Code>", body)
    code = f"{status} {found[1].decode()}" if found else str(status)
    if status in (401, 403) or (status == 400 and _EXPIRED.search(body)):
        return Interrupted(f"the server answered {code}; the URL expired or may not be read", "expired")
    if status in (412, 416):
        return Interrupted("the object changed while it was downloaded", "changed")
    if status in _PASSING:
        return Interrupted(f"the server answered {code}")
    if status in (404, 410):
        return ResultError(f"{what} is gone ({code}): it was deleted, or its compute node lost it.")
    return ResultError(f"{what} could not be downloaded: the server answered {code}.")


def _no_answer(error: httpx.TransportError, where: str) -> Exception:
    """A transport error as an event; its own text may quote the URL, so only known words are taken from it."""
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return ResultError(f"The certificate of {where} is not trusted; set ca_cert in the connection's extra.")
    errno = re.search(r"\[Errno -?\d+\] ([A-Za-z ]+)", text)
    return Interrupted(f"no answer ({errno[1] if errno else type(error).__name__})")
