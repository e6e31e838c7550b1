"""Inputs that are objects of a bucket: one, a folder, or all with a prefix."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.job import InputSource
from orchestrator_stub.inputs.base import WHOLE, Part
from orchestrator_stub.inputs.failures import refused, unavailable
from orchestrator_stub.inputs.partition import share_of
from orchestrator_stub.runners.base import Mount
from orchestrator_stub.s3.client import S3Access, S3Error, download, head_object, read_objects
from orchestrator_stub.s3.spec import S3Location, is_single, local_name, prefix_of, s3_location

_FOLDER_TYPE = "application/x-directory"


@dataclass(frozen=True, slots=True)
class _Object:
    key: str
    size: int
    etag: str = ""


class S3Source:
    """Fetches inputs of type `s3`: always a folder at the target, also for one object (golden 42, in-object)."""

    type = "s3"

    def __init__(self, access: S3Access) -> None:
        """`access`: the S3 that jobs talk to."""
        self._access = access

    async def check(self, source: InputSource, part: Part = WHOLE) -> int:
        """Size of this part's objects in bytes.

        :raises StepError: missing, another checksum, or the server refused, in the recorded words (golden 42)
        """
        objects = await asyncio.to_thread(self._objects, s3_location(source.source), part)
        return sum(each.size for each in objects)

    async def fetch(self, source: InputSource, folder: Path, part: Part = WHOLE) -> tuple[Mount, ...]:
        """A folder with this part's objects, named by what follows the wished prefix.

        :raises StepError: as `check`
        """
        location = s3_location(source.source)
        place = folder / "objects"
        await asyncio.to_thread(self._download, location, part, place)
        return (Mount(place, source.target, writable=True),)

    def _download(self, location: S3Location, part: Part, place: Path) -> None:
        place.mkdir()
        client = self._access.client(location.endpoint, location.region)
        for each in self._objects(location, part):
            path = place / local_name(each.key, location.key)
            path.parent.mkdir(parents=True, exist_ok=True)
            wished = {"IfMatch": each.etag} if each.etag else {}
            try:
                download(client, location.bucket, each.key, path, **_version(location), **wished)
            except S3Error as error:
                raise StepError(f"failed to fetch s3 input: {error}") from None

    def _objects(self, location: S3Location, part: Part) -> list[_Object]:
        client = self._access.client(location.endpoint, location.region)
        try:
            found = self._single(client, location) if is_single(location.key) else None
            if found is None:
                found = _listed(client, location)
        except S3Error as error:
            raise _service_failure(error) from None
        by_key = {each.key: each for each in found}
        return [by_key[key] for key in share_of(list(by_key), location, part)]

    def _single(self, client: Any, location: S3Location) -> list[_Object] | None:
        """The one object; None when it stands for a folder."""
        mode = {"ChecksumMode": "ENABLED"} if location.checksum else {}
        facts = head_object(client, location.bucket, location.key, **_version(location), **mode)
        checksum = str(facts.get("ChecksumSHA256", ""))
        if location.checksum and location.checksum != checksum:
            raise unavailable(
                f"checksum mismatch for s3://{location.bucket}/{location.key}, "
                f"expected {location.checksum}, got {checksum}"
            )
        if str(facts.get("ContentType", "")).startswith(_FOLDER_TYPE):
            return None
        return [_Object(location.key, int(facts["ContentLength"]), str(facts.get("ETag", "")))]


def _listed(client: Any, location: S3Location) -> list[_Object]:
    prefix = prefix_of(location.key)
    try:
        wanted = re.compile(location.filter)
    except re.error as error:
        raise unavailable(f"invalid regex pattern: {error}") from None
    return [
        _Object(each["Key"], int(each["Size"]))
        for each in read_objects(client, location.bucket, prefix)
        if not location.filter or wanted.search(each["Key"].removeprefix(prefix))
    ]


def _version(location: S3Location) -> Mapping[str, str]:
    return {"VersionId": location.version_id} if location.version_id else {}


def _service_failure(error: S3Error) -> StepError:
    details = {"ErrorCode": f"S3InputSource:{error.code}", "Operation": error.operation, "Service": "S3"}
    if error.request_id:
        details["AWSRequestID"] = error.request_id
    return refused(f"failed to fetch s3 input: {error}", details)
