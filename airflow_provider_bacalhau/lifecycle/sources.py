"""Inputs and publishers as users write them, to the SpecConfig objects of a job spec.

Three spellings: a uri (`s3://bucket/key?region=eu-west-1`), the object itself (`{"Type": ..., "Params": ...}`), and the
strings of Bacalhau's command line (`src=s3://bucket/key,dst=/inputs,opt=region=eu-west-1`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from airflow_provider_bacalhau.errors import ConfigError

_S3_INPUT = {
    "region": "Region",
    "endpoint": "Endpoint",
    "filter": "Filter",
    "versionid": "VersionID",
    "checksumsha256": "ChecksumSHA256",
}
_S3_PUBLISHER = {"region": "Region", "endpoint": "Endpoint", "encoding": "Encoding"}
_PUBLISHER_WORDS = ("local", "ipfs", "noop", "s3managed")
_SOURCE_SCHEMES = "s3://bucket/key, https://host/file, ipfs://cid, data:..., or file:///path on the node"


def parse_inputs(inputs: Mapping[str, Any] | Sequence[Any] | None) -> list[dict[str, Any]]:
    """All inputs of a task: a mapping target -> source, or a list of command line strings and InputSource objects.

    :raises ConfigError: naming the input that cannot be read.
    """
    if inputs is None:
        return []
    if isinstance(inputs, str):
        return parse_input(None, inputs)
    if isinstance(inputs, Mapping):
        pairs: Sequence[tuple[str | None, Any]] = list(inputs.items())
    else:
        pairs = [(None, one) for one in inputs]
    return [source for target, one in pairs for source in parse_input(target, one)]


def parse_input(target: str | None, value: Any) -> list[dict[str, Any]]:
    """InputSource objects of one input.

    :param target: absolute path in the job; None when `value` brings its own (`dst=`, `Target`).
    :param value: a uri, a command line string, `{"Type", "Params"}`, an InputSource, or a list of InputSources.
    """
    if isinstance(value, (list, tuple)):
        return [source for one in value for source in parse_input(target, one)]
    if isinstance(value, Mapping):
        return [_from_object(target, value)]
    if not isinstance(value, str):
        raise ConfigError(f"inputs[{target!r}] is a {type(value).__name__}; pass {_SOURCE_SCHEMES}, or a task's output")
    options: dict[str, str] = {}
    uri = value
    if _is_command_line(value):
        uri, own_target, options = _from_command_line(value)
        target = own_target or target
    if not target:
        raise ConfigError(f"inputs: {value!r} has no target; write {{'/inputs': {value!r}}} or add dst=/inputs")
    return [{"Source": source_of(uri, options), "Target": target}]


def source_of(uri: str, options: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The SpecConfig of one uri. Query parameters of an s3 uri are its options; an http url keeps its own.

    :raises ConfigError: no known scheme.
    """
    scheme, _, rest = uri.partition(":")
    known = options or {}
    if scheme == "s3" and rest.startswith("//"):
        return {"Type": "s3", "Params": _s3(uri, known, _S3_INPUT)}
    if scheme in ("http", "https"):
        return {"Type": "urlDownload", "Params": {"URL": uri}}
    if scheme == "data":
        return {"Type": "inline", "Params": {"URL": uri}}
    if scheme == "ipfs":
        return {"Type": "ipfs", "Params": {"CID": rest.removeprefix("//").strip("/")}}
    if scheme == "file" and rest.startswith("///"):
        path, _, query = rest[2:].partition("?")
        options = {**dict(parse_qsl(query)), **known}
        params: dict[str, Any] = {"SourcePath": path}
        if options.get("rw", options.get("readwrite", "")).lower() in ("true", "1"):
            params["ReadWrite"] = True
        return {"Type": "localDirectory", "Params": params}
    raise ConfigError(f"inputs: {uri!r} is no source; pass {_SOURCE_SCHEMES}")


def parse_publisher(value: Any) -> dict[str, Any] | None:
    """The SpecConfig of a publisher: `s3://bucket/key?region=...`, "local", "ipfs", or the object itself.

    :raises ConfigError: when it cannot be read.
    """
    if value is None or value == "":
        return None
    if isinstance(value, Mapping):
        named = {str(name).lower(): item for name, item in value.items()}
        if not isinstance(named.get("type"), str):
            raise ConfigError("publisher: Type is missing; for example {'Type': 's3', 'Params': {...}}")
        return {"Type": named["type"], **({"Params": dict(named["params"])} if named.get("params") else {})}
    if not isinstance(value, str):
        raise ConfigError(f"publisher is a {type(value).__name__}; pass a uri, a word or an object with Type")
    uri = value
    options: dict[str, str] = {}
    if _is_command_line(value):
        uri, own_target, options = _from_command_line(value)
        uri = uri or own_target or ""
    if uri.lower() in _PUBLISHER_WORDS:
        return {"Type": uri.lower()}
    if uri == "ipfs://":
        return {"Type": "ipfs"}
    if not uri.startswith("s3://"):
        raise ConfigError(f"publisher {uri!r} is not known; pass s3://bucket/key, 'local' or 'ipfs'")
    params = _s3(uri, options, _S3_PUBLISHER)
    if params.get("Encoding", "gzip").lower() not in ("gzip", "plain"):
        raise ConfigError(f"publisher: encoding {params['Encoding']!r} is not known; write gzip or plain")
    return {"Type": "s3", "Params": params}


def s3_uri(params: Mapping[str, Any]) -> str:
    """`s3://bucket/key` of S3 parameters in any spelling of their keys."""
    named = {str(name).lower(): item for name, item in params.items()}
    return f"s3://{named.get('bucket', '')}/{named.get('key', '')}"


def _s3(uri: str, options: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str]:
    # not urlsplit: keys may hold '#', '{jobID}' and '%' as they are
    path, _, query = uri.removeprefix("s3://").partition("?")
    bucket, _, key = path.partition("/")
    if not bucket or not key:
        raise ConfigError(f"{uri!r} names no {'key' if bucket else 'bucket'}; write s3://bucket/key")
    params = {"Bucket": bucket, "Key": key}
    given = {**dict(parse_qsl(query, keep_blank_values=True)), **options}
    for name, value in given.items():
        wire = known.get(name.lower().replace("-", "").replace("_", ""))
        if wire is None:
            raise ConfigError(f"{uri!r}: {name} is not an option; known are {', '.join(sorted(known))}")
        params[wire] = value
    return params


def _from_object(target: str | None, value: Mapping[str, Any]) -> dict[str, Any]:
    named = {str(name).lower(): item for name, item in value.items()}
    if "source" in named:
        source = named["source"]
        if isinstance(source, str):
            source = source_of(source)
        own = {"Source": dict(source or {}), "Target": named.get("target") or target or ""}
        return {**own, **({"Alias": named["alias"]} if named.get("alias") else {})}
    if "type" not in named:
        raise ConfigError(
            f"inputs[{target!r}]: an object needs Type and Params; for example "
            "{'Type': 's3', 'Params': {'Bucket': ..., 'Key': ...}}"
        )
    if not target:
        raise ConfigError("inputs: an object in a list needs Source and Target")
    source = {"Type": named["type"], **({"Params": dict(named["params"])} if named.get("params") else {})}
    return {"Source": source, "Target": target}


def _is_command_line(value: str) -> bool:
    head = value.split(",", 1)[0]
    return head.split("=", 1)[0] in ("src", "source", "dst", "destination", "target", "opt", "option") or (
        ",opt=" in value or ",dst=" in value
    )


def _from_command_line(value: str) -> tuple[str, str | None, dict[str, str]]:
    """Uri, target and options of `src=...,dst=...,opt=name=value`; a first part without a name is the uri."""
    uri, target, options = "", None, {}
    for index, part in enumerate(value.split(",")):
        name, equals, rest = part.partition("=")
        if name in ("src", "source"):
            uri = rest
        elif name in ("dst", "destination", "target"):
            target = rest
        elif name in ("opt", "option"):
            option, _, setting = rest.partition("=")
            options[option] = setting
        elif index == 0 and (not equals or urlsplit(part).scheme):
            uri = part
        else:
            raise ConfigError(f"{value!r}: cannot read {part!r}; write src=URI,dst=/path,opt=name=value")
    return uri, target, options
