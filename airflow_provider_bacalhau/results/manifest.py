"""What a job published, as plain values that may leave the process: no payload, no credential."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from airflow_provider_bacalhau.models.execution import Execution
from airflow_provider_bacalhau.models.results import PublishedResult

S3 = "s3"
S3_PRESIGNED = "s3PreSigned"
S3_MANAGED = "s3managed"
URL_DOWNLOAD = "urlDownload"
IPFS = "ipfs"
_NOTHING = frozenset({"", "noop"})


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """Where an S3 result lies: `SourceSpec` of a pre-signed result, or all parameters of an unsigned one.

    A `key` that ends with "/" is a folder of plain files (publisher Encoding `plain`). `endpoint` and `region` are
    empty for AWS's own choice.
    """

    bucket: str
    key: str
    region: str = ""
    endpoint: str = ""
    version_id: str = ""

    @property
    def uri(self) -> str:
        """`s3://bucket/key`."""
        return f"s3://{self.bucket}/{self.key}"

    @property
    def is_prefix(self) -> bool:
        """The key is a folder of plain files, not one archive."""
        return self.key.endswith("/")


@dataclass(frozen=True, slots=True)
class Item:
    """One published result.

    `uri` carries no query and is empty when the result has none (`note` then says why). `type` is Bacalhau's word.
    `partition` is None when no execution could be found for it; `size` (bytes) is None when nobody said it;
    `checksum` is the server's ChecksumSHA256 (base64, with "-N" when it is one of N parts).
    """

    uri: str
    type: str
    execution_id: str = ""
    node_id: str = ""
    partition: int | None = None
    size: int | None = None
    checksum: str = ""
    source: SourceSpec | None = None
    note: str = ""

    @property
    def label(self) -> str:
        """How messages call it: the execution, else the uri, else its type."""
        return self.execution_id or self.uri or f"result of type {self.type}"

    def to_plain(self) -> dict[str, Any]:
        """Plain JSON values; see `from_plain`."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Item:
        """The item that `to_plain` wrote."""
        source = plain.get("source")
        return cls(**{**plain, "source": SourceSpec(**source) if source else None})


@dataclass(frozen=True, slots=True)
class Manifest:
    """All results of a job: by partition, then by creation of the execution, those of no known execution last."""

    items: tuple[Item, ...] = ()

    def uris(self) -> list[str]:
        """The uris in the manifest's order; items without one are left out."""
        return [item.uri for item in self.items if item.uri]

    def to_plain(self) -> list[dict[str, Any]]:
        """Plain JSON values."""
        return [item.to_plain() for item in self.items]

    @classmethod
    def from_plain(cls, plain: Iterable[Mapping[str, Any]]) -> Manifest:
        """The manifest that `to_plain` wrote."""
        return cls(tuple(Item.from_plain(entry) for entry in plain))


def build_manifest(results: Sequence[PublishedResult], executions: Sequence[Execution] = ()) -> Manifest:
    """Match what `/results` lists to the executions that published it.

    A result names its execution in the URL or key (the local publisher and s3managed always do, s3 with
    `{executionID}`); else the execution stored the same place; else, when as many results as publishing executions
    are left, their order is that of the executions. Items are left without an execution rather than guessed.

    :param results: items of `/results`, or the `published` of executions.
    :param executions: executions of the same job.
    """
    items = [item for result in results if (item := item_of(result)) is not None]
    owners: list[Execution | None] = [None] * len(items)
    free = sorted(executions, key=lambda execution: (execution.partition, execution.create_time))
    for rule in (_names_execution, _same_place):
        for index, item in enumerate(items):
            if owners[index] is None:
                owners[index] = next((execution for execution in free if rule(item, execution)), None)
                free = [execution for execution in free if execution is not owners[index]]
    publishing = [execution for execution in free if execution.published and execution.published.type not in _NOTHING]
    left = [index for index, owner in enumerate(owners) if owner is None]
    if len(left) == len(publishing):
        for index, execution in zip(left, publishing, strict=True):
            owners[index] = execution
    placed = [(owner, _owned(item, owner)) for item, owner in zip(items, owners, strict=True)]
    placed.sort(key=lambda pair: (pair[0] is None, *((pair[0].partition, pair[0].create_time) if pair[0] else (0, 0))))
    return Manifest(tuple(item for _, item in placed))


def item_of(result: PublishedResult) -> Item | None:
    """The item for one result of any type, without its execution; None when nothing was published (`noop`, "")."""
    if result.type in _NOTHING:
        return None
    if result.type in (S3, S3_PRESIGNED):
        return _s3_item(result)
    params = _fold(result.params)
    if result.type == URL_DOWNLOAD:
        return _checked(Item(without_query(_text(params, "url")), result.type), "has no URL")
    if result.type == IPFS:
        cid = _text(params, "cid")
        return _checked(Item(f"ipfs://{cid}" if cid else "", result.type), "has no CID")
    if result.type == S3_MANAGED:
        note = "the orchestrator keeps this result; ask /results for its place"
        return Item("", result.type, execution_id=_text(params, "executionid"), note=note)
    return Item("", result.type, note=f"results of type {result.type} are not known to this provider")


def signed_url(result: PublishedResult) -> str:
    """The URL to download a result from, query included. **A credential**: never log, store or return it further."""
    params = _fold(result.params)
    return _text(params, "presignedurl") if result.type == S3_PRESIGNED else _text(params, "url")


def without_query(url: str) -> str:
    """The URL without query, fragment, user and password; empty when it is no http(s) URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return ""
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _s3_item(result: PublishedResult) -> Item:
    params = _fold(result.params)
    spec = _fold(params.get("sourcespec")) if result.type == S3_PRESIGNED else params
    bucket, key = _text(spec, "bucket"), _text(spec, "key")
    if not bucket:
        uri = without_query(_text(params, "presignedurl"))
        return _checked(Item(uri, result.type), "has no bucket")
    source = SourceSpec(
        bucket=bucket,
        key=key,
        region=_text(spec, "region"),
        endpoint=without_query(_text(spec, "endpoint")),
        version_id=_text(spec, "versionid"),
    )
    return Item(source.uri, result.type, checksum=_text(spec, "checksumsha256"), source=source)


def _checked(item: Item, lack: str) -> Item:
    return item if item.uri else replace(item, note=f"a result of type {item.type} {lack}")


def _names_execution(item: Item, execution: Execution) -> bool:
    named = re.search(rf"(?<![A-Za-z0-9-]){re.escape(execution.id)}(?![A-Za-z0-9-])", item.uri)
    return bool(execution.id) and (named is not None or execution.id == item.execution_id)


def _same_place(item: Item, execution: Execution) -> bool:
    stored = item_of(execution.published) if execution.published else None
    return stored is not None and bool(stored.uri) and stored.uri == item.uri


def _owned(item: Item, owner: Execution | None) -> Item:
    if owner is None:
        return item
    return replace(item, execution_id=owner.id, node_id=owner.node_id, partition=owner.partition)


def _fold(value: Any) -> dict[str, Any]:
    return {str(key).lower(): entry for key, entry in value.items()} if isinstance(value, Mapping) else {}


def _text(params: Mapping[str, Any], key: str) -> str:
    value = params.get(key)
    return value if isinstance(value, str) else ""
