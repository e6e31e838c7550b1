"""The S3 that jobs talk to: which server a job's parameters mean, with which keys, and what its errors read like.

Everything here blocks; callers use threads. boto is imported at the first use.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import threading
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.hosts import is_loopback
from orchestrator_stub.s3.signing import Keys

Mode = Literal["embedded", "off", "aws", "url"]
DEFAULT_REGION = "us-east-1"
STUB_KEYS = Keys("stub", "stub")
"""Fixed keys of the embedded S3; they open nothing else."""
PART = 5 * 2**20
"""Bytes; larger objects are uploaded in parts of this size, like servers do."""
_AWS = ".amazonaws.com"
_HEAD_CODES = {"404": "NotFound", "403": "Forbidden", "400": "BadRequest"}
_MODELED = {("HeadObject", "NotFound"), ("GetObject", "NoSuchKey"), ("ListObjectsV2", "NoSuchBucket")}
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class S3Settings:
    """Where objects live."""

    mode: Mode = "embedded"
    url: str = ""
    """Of the server, in mode `url`."""
    strict: bool = False
    """Buckets are not created by publishers."""
    any_endpoint: bool = False
    """Jobs may name S3 servers on other machines."""

    @classmethod
    def of(cls, word: str, *, strict: bool = False, any_endpoint: bool = False) -> S3Settings:
        """From the value of `--s3`: embedded, off, aws or a URL."""
        if word in ("embedded", "off", "aws"):
            return cls(word, "", strict, any_endpoint)  # type: ignore[arg-type]  # the line above narrowed it
        return cls("url", word.rstrip("/"), strict, any_endpoint)


@dataclass(frozen=True, slots=True)
class Stored:
    """What the server said of an uploaded object."""

    version_id: str = ""
    checksum: str = ""


class S3Error(Exception):
    """A failed operation in the words of the servers' AWS library (golden 42)."""

    def __init__(self, message: str, code: str, operation: str, request_id: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.operation = operation
        self.request_id = request_id


class S3Access:
    """Clients for every endpoint and region that jobs name."""

    def __init__(self, settings: S3Settings, endpoint: str, public: str = "") -> None:
        """Where objects are.

        :param endpoint: URL that stands for AWS ("" = AWS itself)
        :param public: by which other machines reach the same server, where they do
        """
        self.settings = settings
        self._endpoint = endpoint
        self._public = public or endpoint
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, str], Any] = {}
        self._session: Any = None
        self._keys: Keys | None = None

    def plays_aws(self, endpoint: str) -> bool:
        """Whether a job's Endpoint means AWS, whatever stands for it here."""
        return not endpoint or (urllib.parse.urlsplit(endpoint).hostname or "").endswith(_AWS)

    def address(self, endpoint: str) -> str:
        """URL of the server that a job's Endpoint means; "" = AWS.

        :raises StepError: a server on another machine, which this stub may not ask
        """
        if self.plays_aws(endpoint):
            return endpoint if self.settings.mode == "aws" else self._endpoint
        if endpoint.rstrip("/") == self._public:
            return self._endpoint
        host = urllib.parse.urlsplit(endpoint).hostname or ""
        known = urllib.parse.urlsplit(self._endpoint).hostname
        if self.settings.mode != "aws" and not self.settings.any_endpoint and host != known and not is_loopback(host):
            raise StepError(
                f"S3 endpoint {host or endpoint} is not on this machine: leave Endpoint out to use the stub's S3, "
                "or start the stub with --allow-url-inputs"
            )
        return endpoint

    def object_url(self, bucket: str, key: str, *, endpoint: str, region: str) -> str:
        """URL of an object: path style for a given server, as servers write it, else AWS's own style."""
        address = self.address(endpoint)
        if address:
            shown = self._public if address == self._endpoint else address
            return f"{shown.rstrip('/')}/{bucket}/{key}"
        return f"https://{bucket}.s3.{region or DEFAULT_REGION}{_AWS}/{key}"

    def keys(self) -> Keys:
        """The stub's own, or those of this machine in the modes that ask for them.

        :raises StepError: mode aws and this machine has none
        """
        if self.settings.mode in ("embedded", "off"):
            return STUB_KEYS
        with self._lock:
            if self._keys is None:
                found = self._boto().get_credentials()
                if found is not None:
                    self._keys = Keys(found.access_key, found.secret_key, found.token or "")
                elif self.settings.mode == "url":
                    self._keys = STUB_KEYS
                else:
                    raise StepError("no AWS credentials were found on this machine (--s3 aws)")
            return self._keys

    def client(self, endpoint: str, region: str) -> Any:
        """A client for what a job's parameters mean."""
        address, region = self.address(endpoint), region or DEFAULT_REGION
        keys = self.keys()
        with self._lock:
            if (address, region) not in self._clients:
                self._clients[address, region] = self._new_client(address, region, keys)
            return self._clients[address, region]

    def upload(self, client: Any, bucket: str, key: str, path: Path, *, with_checksum: bool) -> Stored:
        """Store a file.

        :raises S3Error: the server refused it
        """
        extra = {"ChecksumAlgorithm": "SHA256"} if with_checksum else {}
        with _errors("PutObject"), path.open("rb") as file:
            if path.stat().st_size <= PART:
                done = client.put_object(Bucket=bucket, Key=key, Body=file, **extra)
                return Stored(done.get("VersionId", ""), done.get("ChecksumSHA256", ""))
            upload = client.create_multipart_upload(Bucket=bucket, Key=key, **extra)["UploadId"]
            place = {"Bucket": bucket, "Key": key, "UploadId": upload}
            parts: list[dict[str, Any]] = []
            digests = b""
            while data := file.read(PART):
                number = len(parts) + 1
                part = client.upload_part(**place, PartNumber=number, Body=data, **extra)
                digest = hashlib.sha256(data).digest()
                digests += digest
                checksum = {"ChecksumSHA256": base64.b64encode(digest).decode()} if with_checksum else {}
                parts.append({"PartNumber": number, "ETag": part["ETag"], **checksum})
            done = client.complete_multipart_upload(**place, MultipartUpload={"Parts": parts})
            whole = f"{base64.b64encode(hashlib.sha256(digests).digest()).decode()}-{len(parts)}"
            return Stored(done.get("VersionId", ""), whole if with_checksum else "")

    def _new_client(self, address: str, region: str, keys: Keys) -> Any:
        from botocore.config import Config

        is_near = bool(address) and is_loopback(urllib.parse.urlsplit(address).hostname or "")
        return self._boto().create_client(
            "s3",
            region_name=region,
            endpoint_url=address or None,
            aws_access_key_id=keys.access,
            aws_secret_access_key=keys.secret,
            aws_session_token=keys.token or None,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"} if address else {},
                retries={"total_max_attempts": _ATTEMPTS, "mode": "standard"},
                connect_timeout=5,
                proxies={} if is_near else None,
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    def _boto(self) -> Any:
        """A session; in the embedded modes one that reads nothing of this machine's AWS configuration."""
        if self._session is None:
            from botocore.session import Session

            own = {
                "profile": (None, None, None, None),
                "config_file": (None, None, os.devnull, None),
                "credentials_file": (None, None, os.devnull, None),
            }
            self._session = Session(session_vars=own if self.settings.mode in ("embedded", "off") else None)
            if self.settings.mode == "url":  # asking the cloud's metadata service would take seconds
                self._session.get_component("credential_provider").remove("iam-role")
        return self._session


def read_objects(client: Any, bucket: str, prefix: str) -> Iterator[Mapping[str, Any]]:
    """All objects below a prefix.

    :raises S3Error: the server refused
    """
    with _errors("ListObjectsV2"):
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            yield from page.get("Contents", ())


def head_object(client: Any, bucket: str, key: str, **more: str) -> Mapping[str, Any]:
    """Facts of an object.

    :raises S3Error: missing, or the server refused
    """
    with _errors("HeadObject"):
        facts: Mapping[str, Any] = client.head_object(Bucket=bucket, Key=key, **more)
        return facts


def download(client: Any, bucket: str, key: str, path: Path, **more: str) -> None:
    """Store an object in a file.

    :raises S3Error: missing, changed meanwhile, or the server refused
    """
    with _errors("GetObject"):
        body = client.get_object(Bucket=bucket, Key=key, **more)["Body"]
        with path.open("wb") as file:
            for chunk in body.iter_chunks(2**20):
                file.write(chunk)


@contextlib.contextmanager
def _errors(operation: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise _service_error(error.response, operation) from None
    except BotoCoreError as error:
        raise S3Error(
            f"operation error S3: {operation}, exceeded maximum number of attempts, {_ATTEMPTS}, "
            f"https response error StatusCode: 0, RequestID: , HostID: , request send failed, {error}",
            "UnknownError",
            operation,
        ) from None


def _service_error(response: Mapping[str, Any], operation: str) -> S3Error:
    facts, error = response.get("ResponseMetadata", {}), response.get("Error", {})
    code = str(error.get("Code", "UnknownError"))
    message = str(error.get("Message", ""))
    has_body = operation != "HeadObject"
    if not has_body:  # ids and message stand in the body, which an answer to HEAD has not
        code, message = _HEAD_CODES.get(code, code), ""
    request_id = str(facts.get("RequestId", "")) if has_body else ""
    kind = f"{code}: {message}" if (operation, code) in _MODELED else f"api error {code}: {message}"
    text = (
        f"operation error S3: {operation}, https response error StatusCode: {facts.get('HTTPStatusCode', 0)}, "
        f"RequestID: {request_id}, {'' if has_body else 'HostID: , '}{kind}"
    )
    return S3Error(text.strip(" ,"), code, operation, request_id)
