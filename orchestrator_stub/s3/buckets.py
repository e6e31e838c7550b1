"""Buckets that appear with their first object."""

from __future__ import annotations

import re
import urllib.parse
from http import HTTPStatus

from orchestrator_stub.s3.backend import Backend
from orchestrator_stub.s3.client import DEFAULT_REGION
from orchestrator_stub.s3.errors import invalid_bucket_name

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
"""General purpose bucket naming rules of the S3 user guide, as far as a pattern can tell."""


class Buckets:
    """Those that are known to be there, so that the server is asked once for each."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._known: set[str] = set()
        self._generation = 0

    async def open(self, bucket: str, region: str) -> None:
        """Make a bucket where it is missing; one that cannot be made is left for the request itself to miss.

        :param region: where it is made
        :raises Refusal: no bucket can be called so, or the server behind does not answer
        """
        generation = await self._backend.ready()
        if generation != self._generation:
            self._known.clear()
            self._generation = generation
        if bucket in self._known:
            return
        target = f"/{urllib.parse.quote(bucket)}"
        if await self._backend.ask("HEAD", target) == HTTPStatus.NOT_FOUND:
            place = b""
            if region != DEFAULT_REGION:
                inside = f"<LocationConstraint>{region}</LocationConstraint>"
                place = f"<CreateBucketConfiguration>{inside}</CreateBucketConfiguration>".encode()
            made = await self._backend.ask("PUT", target, body=place, region=region)
            if made == HTTPStatus.BAD_REQUEST and _NAME.fullmatch(bucket) is None:
                raise invalid_bucket_name(bucket)
            if made not in (HTTPStatus.OK, HTTPStatus.CONFLICT):
                return
        self._known.add(bucket)

    def forget(self, bucket: str) -> None:
        """It may be gone."""
        self._known.discard(bucket)
