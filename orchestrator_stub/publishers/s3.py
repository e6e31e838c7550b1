"""Publishes to a bucket, as one archive or file by file (fact sheet 10; golden 42)."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.job import SpecConfig
from orchestrator_stub.domain.release import Release
from orchestrator_stub.publishers.archive import files, write_archive
from orchestrator_stub.publishers.base import Output
from orchestrator_stub.s3.client import DEFAULT_REGION, S3Access, S3Error, Stored
from orchestrator_stub.s3.signing import presigned_get
from orchestrator_stub.s3.spec import (
    ARCHIVE_SUFFIX,
    S3Location,
    S3Target,
    published_key,
    s3_location,
    s3_target,
)

_PRESIGNED = "s3PreSigned"


class S3Publisher:
    """Uploads with boto, in a thread."""

    type = "s3"

    def __init__(self, access: S3Access, release: Release, folder: Path) -> None:
        """`folder` exists: archives wait in it for their upload."""
        self._access, self._release, self._folder = access, release, folder

    async def publish(self, output: Output) -> SpecConfig:
        """Where the files are, with the keys of the release.

        :raises StepError: bad parameters, or the server refused, in the recorded words
        """
        target = s3_target(output.task.publisher, with_encoding=self._release.publisher_encoding)
        try:
            location = await asyncio.to_thread(self._upload, output, target)
        except S3Error as error:
            raise StepError(f"failed to publish s3 result: {error}") from None
        except OSError as error:
            raise StepError(f"failed to publish s3 result: {error.strerror}") from None
        return SpecConfig("s3", location.params(with_partition=self._release.partitions))

    def result(self, published: SpecConfig, now: int) -> SpecConfig:
        """A URL that anybody can read for 15 minutes, for archives; other results as they are.

        Raises StepError when this machine's credentials are wanted and there are none.
        """
        location = s3_location(published)
        if not location.key.endswith(ARCHIVE_SUFFIX):
            return published
        region = location.region or DEFAULT_REGION
        url = presigned_get(
            self._access.object_url(location.bucket, location.key, endpoint=location.endpoint, region=region),
            keys=self._access.keys(),
            region=region,
            now=now,
            with_checksum_mode=self._release.managed_s3,
        )
        managed = {"Managed": False} if self._release.managed_s3 else {}
        return SpecConfig(_PRESIGNED, {**managed, "PreSignedURL": url, "SourceSpec": published.params})

    def _upload(self, output: Output, target: S3Target) -> S3Location:
        ids = {
            "executionID": output.execution.id,
            "jobID": output.execution.job_id,
            "nodeID": output.execution.node_id,
        }
        key = published_key(target, ids, output.now)
        location = S3Location(target.bucket, key, region=target.region, endpoint=target.endpoint)
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            if target.plain:
                for member in files(output):
                    path = member.source or Path(folder) / member.name
                    if member.text is not None:
                        path.write_bytes(member.text)
                    self._put(target, key + member.name, path)
                return location
            archive = Path(folder) / "archive.tar.gz"
            write_archive(output, archive)
            stored = self._put(target, key, archive)
        return replace(location, version_id=stored.version_id, checksum=stored.checksum)

    def _put(self, target: S3Target, key: str, path: Path) -> Stored:
        """Checksums are asked of AWS alone, as servers do."""
        client = self._access.client(target.endpoint, target.region)
        with_checksum = self._access.plays_aws(target.endpoint)
        return self._access.upload(client, target.bucket, key, path, with_checksum=with_checksum)
