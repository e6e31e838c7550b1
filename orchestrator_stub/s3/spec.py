"""Parameters of S3 sources, publishers and published results (fact sheet 3.5, 3.6; golden 42; pure)."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from orchestrator_stub.domain import params
from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.job import SpecConfig

ARCHIVE_SUFFIX = ".tar.gz"
_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Partitioning:
    """How the objects of a source are divided among the executions of a job (1.6.1+)."""

    type: str = ""
    pattern: str = ""
    start: int = 0
    end: int = 0
    date_format: str = ""


@dataclass(frozen=True, slots=True)
class S3Location:
    """Objects of a bucket; what a source asks for and what a published result says."""

    bucket: str
    key: str = ""
    filter: str = ""
    region: str = ""
    endpoint: str = ""
    version_id: str = ""
    checksum: str = ""
    partitioning: Partitioning = Partitioning()

    def params(self, *, with_partition: bool) -> dict[str, Any]:
        """As servers print it, keys sorted; `Partition` is there from 1.6 on (golden 42)."""
        shown: dict[str, Any] = {
            "Bucket": self.bucket,
            "ChecksumSHA256": self.checksum,
            "Endpoint": self.endpoint,
            "Filter": self.filter,
            "Key": self.key,
        }
        if with_partition:
            shown["Partition"] = {
                "DateFormat": self.partitioning.date_format,
                "EndIndex": self.partitioning.end,
                "Pattern": self.partitioning.pattern,
                "StartIndex": self.partitioning.start,
                "Type": self.partitioning.type,
            }
        return shown | {"Region": self.region, "VersionID": self.version_id}


@dataclass(frozen=True, slots=True)
class S3Target:
    """Where a publisher puts results."""

    bucket: str
    key: str
    region: str = ""
    endpoint: str = ""
    plain: bool = False
    """Files below the key instead of one archive."""


def s3_location(spec: SpecConfig) -> S3Location:
    """Parameters of an `s3` source or result.

    :raises StepError: no bucket, or a parameter of a wrong type
    """
    given = spec.params
    if given is None:
        raise bad_request("invalid storage source params. cannot be nil")
    partition = params.value_of(given, "Partition")
    if partition is not None and not isinstance(partition, Mapping):
        raise bad_request("invalid storage source params: Partition must be an object")
    location = S3Location(
        bucket=params.text(given, "Bucket"),
        key=params.text(given, "Key"),
        filter=params.text(given, "Filter"),
        region=params.text(given, "Region"),
        endpoint=params.text(given, "Endpoint"),
        version_id=params.text(given, "VersionID"),
        checksum=params.text(given, "ChecksumSHA256"),
        partitioning=Partitioning(
            type=params.text(partition, "Type"),
            pattern=params.text(partition, "Pattern"),
            start=params.number(partition, "StartIndex"),
            end=params.number(partition, "EndIndex"),
            date_format=params.text(partition, "DateFormat"),
        ),
    )
    if not location.bucket:
        raise bad_request("invalid s3 storage params: bucket cannot be empty")
    return location


def s3_target(spec: SpecConfig, *, with_encoding: bool) -> S3Target:
    """Parameters of an `s3` publisher.

    :param with_encoding: the release knows Encoding (1.6+)
    :raises StepError: incomplete, or an unknown encoding, in the recorded words (golden 42)
    """
    given = spec.params
    if given is None:
        raise StepError("invalid publisher params. cannot be nil")
    encoding = params.text(given, "Encoding") if with_encoding else ""
    target = S3Target(
        bucket=params.text(given, "Bucket"),
        key=params.text(given, "Key"),
        region=params.text(given, "Region"),
        endpoint=params.text(given, "Endpoint"),
        plain=encoding == "plain",
    )
    if not target.bucket:
        raise StepError("invalid s3 params. bucket cannot be empty")
    if not target.key:
        raise StepError("invalid s3 params. key cannot be empty")
    if encoding not in ("", "plain", "gzip"):
        raise StepError("invalid s3 params. encoding must be either 'plain' or 'gzip'")
    return target


def published_key(target: S3Target, ids: Mapping[str, str], now: int) -> str:
    """The key with its placeholders filled: `{executionID}`, `{jobID}`, `{nodeID}`, `{date}`, `{time}` (UTC).

    :param ids: the first three by name
    :param now: unix nanoseconds
    """
    suffix = "/" if target.plain else ARCHIVE_SUFFIX
    key = target.key if target.key.endswith(suffix) else target.key + suffix
    moment = datetime.fromtimestamp(now // _SECOND, UTC)
    for name, value in (*ids.items(), ("date", f"{moment:%Y%m%d}"), ("time", f"{moment:%H%M%S}")):
        key = key.replace("{" + name + "}", value)
    return key


def prefix_of(key: str) -> str:
    """What a key with a wildcard or of a folder lists."""
    return key.strip().removesuffix("*")


def is_single(key: str) -> bool:
    """Whether a key names one object rather than a prefix."""
    return bool(key) and not key.endswith(("*", "/"))


def local_name(object_key: str, wished_key: str) -> str:
    """Path below the target: the folders that the wished key and the object's share are left out.

    :raises StepError: the key would lead out of the target
    """
    wished, parts = prefix_of(wished_key).split("/"), object_key.split("/")
    shared = 0
    for ours, theirs in zip(wished[:-1], parts, strict=False):
        if ours != theirs:
            break
        shared += 1
    name = posixpath.normpath("/".join(parts[shared:]))
    if name.startswith(("/", "../")) or name in ("", ".", ".."):
        raise StepError(f"cannot mount s3 object {object_key}: its key is no file path")
    return name


def with_key(location: S3Location, key: str) -> S3Location:
    """The same place with another key."""
    return replace(location, key=key)


def bad_request(message: str) -> StepError:
    """A source whose parameters are wrong, as it is reported at the bid."""
    return StepError(
        f"calculating resource usage of job: {message}", details={"ErrorCode": "S3InputSource:S3BadRequest"}
    )
