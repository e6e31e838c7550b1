"""Inputs that are downloaded by URL; only from this machine unless the user allows more."""

from __future__ import annotations

import asyncio
import contextlib
import email.message
import posixpath
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orchestrator_stub.domain import params
from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.hosts import is_link_local, is_loopback
from orchestrator_stub.domain.job import InputSource
from orchestrator_stub.inputs.base import WHOLE, Part
from orchestrator_stub.inputs.failures import unavailable
from orchestrator_stub.runners.base import Mount

if TYPE_CHECKING:
    import httpx

MAX_BYTES: Final = 10 * 10**9
_ATTEMPTS = 4
_REDIRECTS = 10
_TIMEOUT = 30.0


class UrlSource:
    """Fetches inputs of type `urlDownload`: a file below the target, named like the URL's last part."""

    type = "urldownload"

    def __init__(self, *, any_host: bool = False, max_bytes: int = MAX_BYTES) -> None:
        """Loopback hosts only, unless `any_host`."""
        self._any_host = any_host
        self._max_bytes = max_bytes

    async def check(self, source: InputSource, part: Part = WHOLE) -> int:  # noqa: ARG002 - downloads are not divided
        """Size in bytes, as the server says.

        :raises StepError: not allowed, unreachable or without a size, in the recorded words (golden 73)
        """
        try:
            return await asyncio.to_thread(self._size, _url_of(source))
        except _FailedError as error:
            raise unavailable(str(error)) from None

    async def fetch(self, source: InputSource, folder: Path, part: Part = WHOLE) -> tuple[Mount, ...]:  # noqa: ARG002
        """The file.

        :raises StepError: as `check`, or too big
        """
        try:
            path = await asyncio.to_thread(self._download, _url_of(source), folder)
        except _FailedError as error:
            raise StepError(str(error)) from None
        return (Mount(path, posixpath.join(source.target, path.name), writable=True),)

    def _size(self, url: str) -> int:
        with self._answer("HEAD", url) as answer:
            if answer.status_code != 200:
                raise _FailedError(
                    f"received non-OK response code {answer.status_code} while fetching size of file download"
                )
            length = answer.headers.get("content-length", "")
            if not length.isdigit():
                raise _FailedError("content-length not provided by the server")
            self._check_size(int(length))
            return int(length)

    def _download(self, url: str, folder: Path) -> Path:
        with self._answer("GET", url) as answer:
            if not 200 <= answer.status_code < 300:
                raise _FailedError(f"non-200 response from URL ({url}): {answer.status_code} {answer.reason_phrase}")
            path = folder / _file_name(answer)
            written = 0
            try:
                with path.open("wb") as file:
                    for chunk in answer.iter_bytes():
                        written += len(chunk)
                        self._check_size(written)
                        file.write(chunk)
            except OSError as error:
                raise _FailedError(f"failed to write to file {path.name}: {error.strerror}") from None
        return path

    def _check_size(self, size: int) -> None:
        if size > self._max_bytes:
            raise _FailedError(f"the file is larger than the {self._max_bytes} bytes that this stub downloads")

    @contextlib.contextmanager
    def _answer(self, method: str, url: str) -> Iterator[httpx.Response]:
        """The answer after redirects, each of them checked; failures and error statuses are tried again."""
        import httpx

        # A proxy of the environment is for other machines.
        with httpx.Client(timeout=_TIMEOUT, trust_env=self._any_host) as client, contextlib.ExitStack() as open_answer:
            for attempt in range(1, _ATTEMPTS + 1):
                try:
                    answer = self._followed(client, open_answer, method, url)
                except (httpx.InvalidURL, ValueError) as error:
                    raise _FailedError(f'parse "{url}": {error}') from None
                except httpx.HTTPError as error:
                    if attempt == _ATTEMPTS:
                        raise _FailedError(_given_up(method, url, error)) from None
                    continue
                if answer.status_code < 400:
                    yield answer
                    return
            raise _FailedError(f"{method} {url} giving up after {_ATTEMPTS} attempt(s)")

    def _followed(self, client: httpx.Client, answers: contextlib.ExitStack, method: str, url: str) -> httpx.Response:
        for redirects in range(_REDIRECTS):
            self._check_host(url)
            answer = answers.enter_context(client.stream(method, url))
            if not answer.has_redirect_location:
                answer.extensions["redirected"] = redirects > 0
                return answer
            url = urllib.parse.urljoin(url, answer.headers["location"])
        raise _FailedError(f'{method.capitalize()} "{url}": stopped after {_REDIRECTS} redirects')

    def _check_host(self, url: str) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https"):
            raise _FailedError(f"URLs must begin with 'http' or 'https'. The submitted one began with {parts.scheme}")
        host = parts.hostname or ""
        if is_loopback(host) or (self._any_host and not is_link_local(host)):
            return
        raise _FailedError(
            f"URL inputs come only from this machine, not from {host}; start the stub with --allow-url-inputs"
        )


class _FailedError(Exception):
    """A download failed; the text is the servers'."""


def _url_of(source: InputSource) -> str:
    url = params.text(source.source.params, "URL").strip(" '\"")
    if not url:
        raise unavailable("invalid url storage params: url cannot be empty")
    try:
        parts = urllib.parse.urlsplit(url)
        _ = parts.port  # which is only looked at when asked for
    except ValueError as wrong:
        raise unavailable(f'invalid url storage params: invalid URL: parse "{url}": {wrong}') from None
    if parts.scheme in ("http", "https") and not parts.path:
        raise unavailable("invalid url storage params: URL must end with a file name")
    return url


def _file_name(answer: httpx.Response) -> str:
    """The last part of the final URL; after a redirect the server may name the file."""
    name = ""
    if "content-disposition" in answer.headers and answer.extensions.get("redirected"):
        header = email.message.Message()
        header["content-disposition"] = answer.headers["content-disposition"]
        name = posixpath.basename(header.get_filename() or "")
    return name or posixpath.basename(answer.url.path) or "download"


def _given_up(method: str, url: str, error: Exception) -> str:
    """As the servers' HTTP library says it (golden 73, input-download)."""
    parts = urllib.parse.urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    host = parts.hostname or ""
    text = str(error)
    if "Connection refused" in text:
        address = "127.0.0.1" if host == "localhost" else host
        text = f"dial tcp {address}:{port}: connect: connection refused"
    elif "Name or service not known" in text or "nodename nor servname" in text:
        text = f"dial tcp: lookup {host}: no such host"
    return f'{method} {url} giving up after {_ATTEMPTS} attempt(s): {method.capitalize()} "{url}": {text}'
