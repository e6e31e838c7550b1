"""S3 through a boto3 client that the caller opens: reading results, listing folders of plain files, writing targets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow_provider_bacalhau.errors import ResultError
from airflow_provider_bacalhau.results.archive import CHUNK
from airflow_provider_bacalhau.results.hosts import AllowedHosts, host_of
from airflow_provider_bacalhau.results.manifest import SourceSpec
from airflow_provider_bacalhau.results.transfer import Answer, Interrupted

OpenS3 = Callable[[SourceSpec], Any]
"""Gives a boto3 S3 client for a place; the hook's uses the Amazon provider's S3Hook."""

_GONE = frozenset({"NoSuchKey", "404", "NoSuchBucket", "NoSuchVersion"})
_CHANGED = frozenset({"PreconditionFailed", "412", "InvalidRange", "416"})
_PASSING = frozenset({"SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "500", "502", "503", "504"})


def client_for(
    source: SourceSpec, open_s3: OpenS3 | None, *, allowed: AllowedHosts | None = None, owner: str = ""
) -> Any:
    """A client for the place of a result or of a target.

    The endpoint of a result was written by a compute node: unless the client took another one (that of the Airflow
    connection), it has to be an allowed host, else signed requests would go to whom the node likes.

    :param allowed: the rule; None for a target, whose place the user chose.
    :raises ResultError: no client can be had. :raises HostRefused: the endpoint is not allowed.
    """
    if open_s3 is None:
        raise ResultError(
            f"{source.uri} is not signed by the orchestrator and needs AWS access: install "
            "airflow-provider-bacalhau[amazon] and set aws_conn_id."
        )
    client = open_s3(source)
    endpoint = str(getattr(getattr(client, "meta", None), "endpoint_url", "") or source.endpoint)
    if allowed is not None and source.endpoint and host_of(endpoint) == host_of(source.endpoint):
        allowed.check_name(endpoint.partition("://")[0], host_of(endpoint), owner=owner)
    return client


@dataclass(slots=True)
class S3Opener:
    """One object of S3, for `transfer.copy`; `version_id` is honoured."""

    client: Any
    source: SourceSpec

    @property
    def what(self) -> str:
        """The uri."""
        return self.source.uri

    @contextmanager
    def open(self, offset: int, validator: str) -> Iterator[Answer]:
        """See `transfer.Opener.open`; the validator is the ETag."""
        request = {"Bucket": self.source.bucket, "Key": self.source.key}
        if self.source.version_id:
            request["VersionId"] = self.source.version_id
        if offset:
            request |= {"Range": f"bytes={offset}-", "IfMatch": validator}
        with translated(self.what):
            answer = self.client.get_object(**request)
            with closing(answer["Body"]) as body:
                total = offset + int(answer["ContentLength"])
                yield Answer(offset, total, str(answer.get("ETag", "")), body.iter_chunks(CHUNK))

    def renew(self) -> bool:
        """Nothing to renew: the client signs each request."""
        return False


def list_folder(client: Any, source: SourceSpec) -> Iterator[tuple[str, int]]:
    """Keys (below the folder) and sizes of all objects of a plain-encoded result; folder marks are left out."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=source.bucket, Prefix=source.key)
    for page in pages:
        for entry in page.get("Contents", ()):
            name = str(entry["Key"])[len(source.key) :]
            if name and not name.endswith("/"):
                yield name, int(entry["Size"])


def exists(client: Any, bucket: str, key: str) -> bool:
    """Whether there is an object with exactly this key."""
    from botocore.exceptions import ClientError

    with final(f"s3://{bucket}/{key}"):
        try:
            client.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if _code(error) in _GONE:
                return False
            raise
        return True


def upload(client: Any, path: Path, bucket: str, key: str) -> None:
    """Write one file, in parts when it is large. :raises ResultError: S3 refused."""
    with final(f"s3://{bucket}/{key}"):
        client.upload_file(str(path), bucket, key)


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn boto's errors into events and sentences; none of its texts (they may quote keys) is passed on.

    :raises Interrupted: worth another try. :raises ResultError: not worth one.
    """
    from boto3.exceptions import S3UploadFailedError
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoCredentialsError

    try:
        yield
    except ClientError as error:
        code = _code(error)
        if code in _GONE:
            raise ResultError(f"{what} is gone ({code}).") from None
        if code in _CHANGED:
            raise Interrupted("the object changed while it was downloaded", "changed") from None
        if code in _PASSING:
            raise Interrupted(f"S3 answered {code}") from None
        raise ResultError(f"{what} may not be used: S3 answered {code}; check aws_conn_id and its rights.") from None
    except NoCredentialsError:
        raise ResultError(f"{what} needs AWS credentials and the connection of aws_conn_id has none.") from None
    except S3UploadFailedError as error:
        cause = error.__context__
        reason = f"S3 answered {_code(cause)}" if isinstance(cause, ClientError) else "the upload failed"
        raise ResultError(f"{what} could not be written: {reason}.") from None
    except (BotoCoreError, HTTPClientError) as error:
        raise Interrupted(f"no usable answer from S3 ({type(error).__name__})") from None


@contextmanager
def final(what: str) -> Iterator[None]:
    """As `translated`, but boto's own tries are the only ones. :raises ResultError: S3 failed or refused."""
    try:
        with translated(what):
            yield
    except Interrupted as event:
        raise ResultError(f"{what} could not be used: {event.reason}.") from None


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", "an error"))
