"""Objects of the stub's S3, read and written as a downstream system would: over its endpoint, signed."""

from __future__ import annotations

import http.client
import re
import threading
import urllib.parse
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping

from orchestrator_stub.testing.exchange import StubError

PATIENCE = 60.0
_OUTPUT_OF_A_RUN = ("stdout", "stderr", "exitCode")
"""What every execution publishes beside its result paths."""
_REGION = "us-east-1"
Uris = list[str]
"""`list` is a method of the class below."""


class StubS3:
    """The objects of one stub. Uris are `s3://bucket/key`."""

    def __init__(self, endpoint: Callable[[], str]) -> None:
        """`endpoint` tells where it listens, "" where there is none."""
        self._endpoint = endpoint
        self._lock = threading.Lock()
        self._connection: http.client.HTTPConnection | None = None

    def put(self, uri: str, content: bytes | str) -> None:
        """Store an object; its bucket is made where it is missing. Raises StubError."""
        bucket, key = _address(uri)
        data = content.encode() if isinstance(content, str) else content
        target = f"/{bucket}/{_quoted(key)}"
        status, answer = self._send("PUT", target, data)
        if status == 404 and _code(answer) == "NoSuchBucket":
            self._expect(self._send("PUT", f"/{bucket}"), f"making the bucket {bucket}")
            status, answer = self._send("PUT", target, data)
        self._expect((status, answer), f"writing {uri}")

    def read(self, uri: str) -> bytes:
        """The bytes of an object. Of a folder that a job published (`.../`): those of its one file, its output aside.

        :raises StubError: there is no such object, or not exactly one in the folder; the text names what is there
        """
        bucket, key = _address(uri)
        if not key or key.endswith("/"):
            return self._read_only_file(uri)
        status, answer = self._send("GET", f"/{bucket}/{_quoted(key)}")
        if status == 404:
            raise StubError(f"there is no {uri}; {self._around(bucket, key)}", status)
        return self._expect((status, answer), f"reading {uri}")

    def list(self, uri: str = "") -> Uris:
        """Uris of all objects that begin like `uri`, sorted; of every bucket without one. Raises StubError."""
        if not uri:
            return [found for bucket in self.buckets() for found in self.list(f"s3://{bucket}/")]
        bucket, prefix = _address(uri)
        found: Uris = []
        token = ""
        while True:
            query = {"list-type": "2", "prefix": prefix} | ({"continuation-token": token} if token else {})
            status, answer = self._send("GET", f"/{bucket}?{urllib.parse.urlencode(sorted(query.items()))}")
            if status == 404 and _code(answer) == "NoSuchBucket":
                return []
            page = _xml(self._expect((status, answer), f"listing {uri}"))
            found += [f"s3://{bucket}/{key}" for key in _texts(page, "Contents/Key")]
            (token, *_) = [*_texts(page, "NextContinuationToken"), ""]
            if not token:
                return sorted(found)

    def buckets(self) -> Uris:
        """Names of all buckets, sorted. Raises StubError."""
        page = _xml(self._expect(self._send("GET", "/"), "listing the buckets"))
        return sorted(_texts(page, "Buckets/Bucket/Name"))

    def close(self) -> None:
        """Give the connection up."""
        with self._lock:
            self._drop()

    def _read_only_file(self, uri: str) -> bytes:
        inside = self.list(uri)
        files = [each for each in inside if each.removeprefix(uri) not in _OUTPUT_OF_A_RUN and not each.endswith("/")]
        if len(files) != 1:
            what = f"holds {', '.join(inside)}" if inside else "holds nothing"
            raise StubError(f"{uri} {what}; give the uri of one object", 404)
        return self.read(files[0])

    def _around(self, bucket: str, key: str) -> str:
        folder = key.rpartition("/")[0]
        for prefix in (f"{folder}/" if folder else "", ""):
            if found := self.list(f"s3://{bucket}/{prefix}"):
                more = f" and {len(found) - 10} more" if len(found) > 10 else ""
                return f"below s3://{bucket}/{prefix} there are {', '.join(found[:10])}{more}"
        return f"the bucket {bucket} is empty or missing"

    def _expect(self, answer: tuple[int, bytes], doing: str) -> bytes:
        status, body = answer
        if status >= 300:
            raise StubError(f"{doing}: S3 answered {status} {_code(body)}", status)
        return body

    def _send(self, method: str, target: str, data: bytes = b"") -> tuple[int, bytes]:
        endpoint = self._endpoint()
        if not endpoint:
            raise StubError("this stub has no S3 (--s3 off)")
        with self._lock:
            headers = self._signed(method, f"{endpoint}{target}", data)
            for is_last in (False, True):
                try:
                    return self._exchange(endpoint, method, target, data, headers)
                except (http.client.HTTPException, OSError) as error:
                    self._drop()
                    if is_last:
                        raise StubError(f"no S3 answers at {endpoint}: {error}") from None
        raise AssertionError("the second round returns or raises")

    def _exchange(
        self, endpoint: str, method: str, target: str, data: bytes, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        if self._connection is None:
            parts = urllib.parse.urlsplit(endpoint)
            kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
            self._connection = kind(parts.hostname or "127.0.0.1", parts.port, timeout=PATIENCE)
        self._connection.request(method, target, data, dict(headers))
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def _signed(self, method: str, url: str, data: bytes) -> dict[str, str]:
        from botocore.auth import S3SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        from orchestrator_stub.s3.client import STUB_KEYS

        keys = Credentials(STUB_KEYS.access, STUB_KEYS.secret)
        request = AWSRequest(method, url, data=data, headers={"Content-Length": str(len(data))})
        S3SigV4Auth(keys, "s3", _REGION).add_auth(request)
        return dict(request.headers.items())

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _address(uri: str) -> tuple[str, str]:
    """Bucket and key. Raises ValueError for what is no S3 uri."""
    found = re.fullmatch(r"s3://([^/?#]+)/?(.*)", uri, re.DOTALL)
    if found is None:
        raise ValueError(f"{uri!r} is no S3 uri: give s3://bucket/key")
    return found[1], found[2]


def _quoted(key: str) -> str:
    return urllib.parse.quote(key, safe="/-_.~")


def _xml(body: bytes) -> ET.Element:
    """An answer of S3 without its namespaces."""
    root = ET.fromstring(body)  # noqa: S314 - from the S3 of a stub, which the caller started
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def _texts(page: ET.Element, path: str) -> list[str]:
    return [element.text or "" for element in page.findall(path)]


def _code(body: bytes) -> str:
    try:
        return "".join(_texts(_xml(body), "Code"))
    except ET.ParseError:  # an answer to HEAD, or of something else that listens there
        return ""
