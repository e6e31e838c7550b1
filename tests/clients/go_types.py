"""Answers, read into the types that the released programs have for them (fact sheet 3, 12.1).

As strict as Go's decoder with typed structs, and stricter where it shrugs: an unknown word of an enumeration, a key
that the release does not have, a missing key that it always writes and a null where it never writes one are refused
too, because each of them is something that a real server would not have sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from programs import Program

Read = Callable[[Any, str], Any]

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
TERMINAL_JOB = ("Completed", "Failed", "Stopped")
JOB_STATES = ("Pending", "Queued", "Running", *TERMINAL_JOB)


class DecodeError(AssertionError):
    """An answer that a released program could not have been sent."""


@dataclass(frozen=True)
class Optional:
    """A key that is left out when it is empty."""

    read: Read


def wrong(at: str, wanted: str, value: Any) -> DecodeError:
    """What does not fit, and where."""
    return DecodeError(f"{at}: {wanted} expected, got {value!r:.200}")


def kind(of: type, wanted: str) -> Read:
    """A value of exactly this JSON type."""

    def read(value: Any, at: str) -> Any:
        if type(value) is not of:
            raise wrong(at, wanted, value)
        return value

    return read


text = kind(str, "a string")
flag = kind(bool, "true or false")
anything = dict[str, Any]


def whole(low: int, high: int) -> Read:
    """An integer in range, written without point or exponent."""

    def read(value: Any, at: str) -> int:
        if type(value) is not int or not low <= value <= high:
            raise wrong(at, f"an integer of {low} to {high}", value)
        return value

    return read


int64 = whole(-(2**63), 2**63 - 1)
uint64 = whole(0, 2**64 - 1)


def number(value: Any, at: str) -> float:
    """Any number."""
    if type(value) not in (int, float):
        raise wrong(at, "a number", value)
    return float(value)


def instant(value: Any, at: str) -> str:
    """A moment in RFC 3339."""
    if type(value) is not str or not _INSTANT.fullmatch(value):
        raise wrong(at, "a moment in RFC 3339", value)
    return value


def word(*known: str) -> Read:
    """One word of an enumeration."""

    def read(value: Any, at: str) -> str:
        if value not in known:
            raise wrong(at, f"one of {', '.join(known)}", value)
        return value

    return read


def list_of(item: Read) -> Read:
    """A list, never null."""

    def read(value: Any, at: str) -> list[Any]:
        if type(value) is not list:
            raise wrong(at, "a list", value)
        return [item(each, f"{at}[{place}]") for place, each in enumerate(value)]

    return read


def map_of(item: Read) -> Read:
    """A map of texts, never null, with its keys in order."""

    def read(value: Any, at: str) -> dict[str, Any]:
        if type(value) is not dict:
            raise wrong(at, "a map", value)
        if list(value) != sorted(value):
            raise wrong(at, "a map ordered by key", list(value))
        return {key: item(each, f"{at}.{key}") for key, each in value.items()}

    return read


def or_null(item: Read) -> Read:
    """What may be null."""
    return lambda value, at: None if value is None else item(value, at)


def untyped(value: Any, at: str) -> Any:
    """Anything."""
    return value


def struct(fields: dict[str, Read | Optional]) -> Read:
    """An object with these keys, in this order."""

    def read(value: Any, at: str) -> dict[str, Any]:
        if type(value) is not dict:
            raise wrong(at, "an object", value)
        if set(value) - set(fields):
            raise wrong(at, f"only {', '.join(fields)}", sorted(set(value) - set(fields)))
        if list(value) != [key for key in fields if key in value]:
            raise wrong(at, f"the order {', '.join(fields)}", list(value))
        found = {}
        for key, field in fields.items():
            if key in value:
                found[key] = (field.read if isinstance(field, Optional) else field)(value[key], f"{at}.{key}")
            elif not isinstance(field, Optional):
                raise wrong(at, f"the key {key}", list(value))
        return found

    return read


def spec_config(*, typed: bool = False) -> Read:
    """Type and parameters of an engine, publisher, source or result; `typed`: the type may not be empty."""
    plain = struct({"Type": text, "Params": Optional(map_of(untyped))})

    def read(value: Any, at: str) -> dict[str, Any]:
        found = plain(value, at)
        if typed and not found["Type"]:
            raise wrong(at, "a type", found)
        return found

    return read


def state(of: Read) -> Read:
    """The state of a job or execution."""
    return struct({"StateType": of, "Message": Optional(text), "Details": Optional(map_of(text))})


def task(program: Program) -> Read:
    """The task of a job as a server gives it back."""
    source = struct({"Source": spec_config(typed=True), "Alias": text, "Target": text})
    resources = struct({key: Optional(text) for key in ("CPU", "Memory", "Disk", "GPU")})
    timeouts = struct({key: Optional(int64) for key in ("ExecutionTimeout", "QueueTimeout", "TotalTimeout")})
    network: dict[str, Read | Optional] = {"Type": word(*program.networks), "Domains": Optional(list_of(text))}
    if program.knows_connection_state:
        network["Ports"] = Optional(list_of(untyped))
    return struct(
        {
            "Name": text,
            "Engine": spec_config(typed=True),
            "Publisher": spec_config(),
            "Env": Optional(map_of(text)),
            "Meta": Optional(map_of(text)),
            "InputSources": Optional(list_of(source)),
            "ResultPaths": Optional(list_of(struct({"Name": text, "Path": text}))),
            "Resources": resources,
            "Network": struct(network),
            "Timeouts": timeouts,
        }
    )


def job(program: Program) -> Read:
    """A job."""
    constraint = struct({"Key": text, "Operator": text, "Values": Optional(list_of(text))})
    read = struct(
        {
            "ID": text,
            "Name": text,
            "Namespace": text,
            "Type": word("batch", "ops", "service", "daemon"),
            "Priority": int64,
            "Count": int64,
            "Constraints": list_of(constraint),
            "Meta": map_of(text),
            "Labels": map_of(text),
            "Tasks": list_of(task(program)),
            "State": state(word(*JOB_STATES)),
            "Version": uint64,
            "Revision": uint64,
            "CreateTime": int64,
            "ModifyTime": int64,
        }
    )

    def checked(value: Any, at: str) -> dict[str, Any]:
        found = read(value, at)
        if len(found["Tasks"]) != 1:
            raise wrong(at, "one task", found["Tasks"])
        if not 0 < found["CreateTime"] <= found["ModifyTime"] or found["CreateTime"] < 10**18:
            raise wrong(at, "times in nanoseconds, changed after created", found)
        return found

    return checked


def execution(program: Program) -> Read:
    """An execution; its states are integers, its output has one key in lower case."""
    fields: dict[str, Read | Optional] = {
        key: text for key in ("ID", "Namespace", "EvalID", "Name", "NodeID", "JobID")
    }
    if program.knows_versions:
        fields |= {"Job": job(program), "JobVersion": uint64}
    output = {
        "Stdout": text,
        "StdoutTruncated": flag,
        "stderr": text,
        "StderrTruncated": flag,
        "ExitCode": int64,
        "ErrorMsg": text,
    }
    fields |= {
        "AllocatedResources": struct({"Tasks": map_of(untyped)}),
        "DesiredState": state(whole(0, 2)),
        "ComputeState": state(whole(1, 11)),
        "PublishedResult": spec_config(),
        "RunOutput": struct(dict(output)),
        "PreviousExecution": text,
        "NextExecution": text,
        "FollowupEvalID": text,
    }
    if program.knows_connection_state:
        fields["PartitionIndex"] = Optional(whole(1, 2**31))
    return struct(fields | {"Revision": uint64, "CreateTime": int64, "ModifyTime": int64})


def history_item(program: Program) -> Read:
    """A line of a history."""
    event = {"Message": text, "Topic": text, "Timestamp": instant, "Details": Optional(map_of(text))}
    fields: dict[str, Read | Optional] = {
        "SeqNum": uint64,
        "Type": word("JobLevel", "ExecutionLevel"),
        "JobID": text,
    }
    if program.knows_versions:
        fields["JobVersion"] = uint64
    read = struct(fields | {"ExecutionID": Optional(text), "Event": struct(dict(event)), "Time": instant})

    def checked(value: Any, at: str) -> dict[str, Any]:
        found = read(value, at)
        if (found["Type"] == "ExecutionLevel") != bool(found.get("ExecutionID")):
            raise wrong(at, "an ExecutionID exactly at the execution level", found)
        return found

    return checked


def build_version() -> Read:
    """What a program was built from."""
    keys = ("GitVersion", "GitCommit")
    return struct(
        {"Major": Optional(text), "Minor": Optional(text), **dict.fromkeys(keys, text)}
        | {"BuildDate": instant, "GOOS": text, "GOARCH": text}
    )


def node_info(program: Program) -> Read:
    """What a node says about itself."""
    gpu = struct({"Index": uint64, "Name": text, "Vendor": text, "Memory": uint64, "PCIAddress": text})
    capacity = struct(
        {"CPU": Optional(number), **{key: Optional(uint64) for key in ("Memory", "Disk", "GPU")}}
        | {"GPUs": Optional(list_of(gpu))}
    )
    compute: dict[str, Read | Optional] = dict.fromkeys(
        ("ExecutionEngines", "Publishers", "StorageSources"), or_null(list_of(text))
    )
    compute |= dict.fromkeys(("MaxCapacity", "QueueCapacity", "AvailableCapacity", "MaxJobRequirements"), capacity)
    compute |= {"RunningExecutions": int64, "EnqueuedExecutions": int64}
    if program.knows_connection_state:
        compute["address"] = text
    of_compute: Read | Optional = struct(compute)
    return struct(
        {
            "NodeID": text,
            "NodeType": word("Requester", "Compute"),
            "Labels": map_of(text),
            "SupportedProtocols": list_of(text),
            "ComputeNodeInfo": of_compute if program.knows_connection_state else Optional(of_compute),
            "BacalhauVersion": build_version(),
        }
    )


def node(program: Program) -> Read:
    """A node as the orchestrator knows it."""
    connection = word("CONNECTED", "DISCONNECTED")
    fields: dict[str, Read | Optional] = {
        "Info": node_info(program),
        "Membership": word("PENDING", "APPROVED", "REJECTED"),
        "Connection": connection,
    }
    if program.knows_connection_state:
        fields["ConnectionState"] = struct(
            {
                "Status": connection,
                "LastHeartbeat": instant,
                "LastComputeSeqNum": Optional(uint64),
                "LastOrchestratorSeqNum": Optional(uint64),
                "ConnectedSince": instant,
                "DisconnectedSince": instant,
                "LastError": Optional(text),
            }
        )
    return struct(fields)


def page_of(item: Read, key: str = "Items") -> Read:
    """A page of a list."""
    return struct({"NextToken": text, key: list_of(item)})


def log_frame(value: Any, at: str) -> dict[str, Any]:
    """A message of the log socket."""
    line = struct({"Type": whole(0, 2), "Line": text})
    return struct({"error": Optional(text), "value": line})(value, at)
