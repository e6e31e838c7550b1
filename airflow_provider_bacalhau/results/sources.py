"""From an item of the manifest to something its bytes can be read from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from airflow_provider_bacalhau.errors import ApiError, ResultError
from airflow_provider_bacalhau.models.results import PublishedResult
from airflow_provider_bacalhau.results import objects
from airflow_provider_bacalhau.results.hosts import AllowedHosts, gateway_hosts
from airflow_provider_bacalhau.results.manifest import IPFS, URL_DOWNLOAD, Item, SourceSpec, item_of, signed_url
from airflow_provider_bacalhau.results.transfer import Opener
from airflow_provider_bacalhau.results.urls import Http, HttpOpener

Renew = Callable[[], Sequence[PublishedResult]]
"""Asks `/results` again; pre-signed URLs differ at every call."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A result that is a folder of plain objects in S3."""

    client: Any
    source: SourceSpec

    def opener(self, key: str) -> objects.S3Opener:
        """One of its objects; `key` is below the folder."""
        return objects.S3Opener(self.client, replace(self.source, key=self.source.key + key, version_id=""))

    def start_of(self, key: str, limit: int) -> tuple[bytes, bool]:
        """The first `limit` bytes of an object and whether these are all. :raises ResultError: it cannot be had."""
        one, data = self.opener(key), b""
        with objects.final(one.what), one.open(0, "") as answer:
            for chunk in answer.chunks:
                data += chunk
                if len(data) > limit:
                    break
        return data[:limit], len(data) <= limit


class Sources:
    """Knows where each item can be read now; see `fetch.Fetcher` for the parameters."""

    def __init__(
        self,
        renew: Renew,
        allowed: AllowedHosts,
        *,
        open_s3: objects.OpenS3 | None,
        gateway: str,
        note: Callable[[str], None],
    ) -> None:
        self._renew = renew
        self._allowed = allowed
        self._open_s3 = open_s3
        self._gateway = gateway.rstrip("/")
        self._note = note
        self._results: Sequence[PublishedResult] | None = None

    def open(self, item: Item, http: Http) -> Opener | Folder:
        """The best source: a signed URL where the orchestrator gives one, else S3 itself, a URL, or the gateway.

        :raises ResultError: there is none; the text says what would help.
        """
        if item.type == IPFS and item.uri:
            return self._behind_gateway(item, http)
        current = self._current(item, fresh=False)
        found = (item_of(current) if current else None) or item
        if current is not None and signed_url(current):
            return self._behind_url(replace(item, uri=found.uri), http)
        if found.source is not None:
            client = objects.client_for(found.source, self._open_s3, allowed=self._allowed, owner=item.label)
            return Folder(client, found.source) if found.source.is_prefix else objects.S3Opener(client, found.source)
        if item.type == URL_DOWNLOAD and item.uri:
            return self._behind_url(item, http)
        raise ResultError(f"The result of {item.label} cannot be downloaded: {item.note or 'its place is not known'}.")

    def _behind_url(self, item: Item, http: Http) -> HttpOpener:
        def locate(fresh: bool) -> str | None:
            current = self._current(item, fresh=fresh)
            return signed_url(current) if current else item.uri if item.type == URL_DOWNLOAD else None

        return HttpOpener(http, item.uri, item.label, self._allowed, locate)

    def _behind_gateway(self, item: Item, http: Http) -> HttpOpener:
        if not self._gateway:
            raise ResultError(
                f"{item.uri} can be read through an IPFS gateway only: set ipfs_gateway in the connection's extra, or "
                "publish to s3."
            )
        url = f"{self._gateway}/ipfs/{item.uri.removeprefix('ipfs://')}?format=tar"
        return HttpOpener(
            http, item.uri, item.label, gateway_hosts(self._gateway), lambda fresh: None if fresh else url
        )

    def _current(self, item: Item, *, fresh: bool) -> PublishedResult | None:
        """What `/results` says of the item now; None when it does not list it (any more)."""
        if fresh or self._results is None:
            try:
                self._results = self._renew()
            except ApiError as error:
                if item.source is None and item.type != URL_DOWNLOAD:
                    raise
                self._note(f"/results cannot be asked ({type(error).__name__}); going on with what is known")
                self._results = self._results or ()
        for result in self._results:
            found = item_of(result)
            if found is None or not found.uri:
                continue
            if found.uri == item.uri or (not item.uri and item.execution_id and item.execution_id in found.uri):
                return result
        return None
