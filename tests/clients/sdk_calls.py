"""Carries out calls of the client packages, in their own environment: a JSON line in, a JSON line out.

In: {"call": "Jobs.get" | "OrchestratorApi.orchestratorlist_nodes" | ..., "args": {...}}; job specs as the wire has them.
Out: {"value", "type", "printed", "error": {"status", "body"} | null, "sent": [raw requests]}.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import sys

import bacalhau_apiclient as client
from bacalhau_apiclient.rest import ApiException
from bacalhau_sdk.config import init_config
from bacalhau_sdk.jobs import Jobs

APIS = ("OrchestratorApi", "OpsApi", "UtilsApi", "MiscApi")
_sent: list[bytes] = []
_send = http.client.HTTPConnection.send


def remember(connection, data):
    """Keep what goes out, then send it."""
    _sent.append(data)
    return _send(connection, data)


def main():
    """Serve calls until the input ends."""
    http.client.HTTPConnection.send = remember
    api_client = client.ApiClient(init_config())
    homes = {"Jobs": Jobs(), **{name: getattr(client, name)(api_client) for name in APIS}}
    for line in sys.stdin:
        asked = json.loads(line)
        home, _, method = asked["call"].partition(".")
        answer = carry_out(getattr(homes[home], method), models(asked["args"]))
        print(json.dumps(answer | {"value": api_client.sanitize_for_serialization(answer["value"])}), flush=True)


def carry_out(method, arguments):
    """What a call gives back, prints, raises and sends."""
    _sent.clear()
    printed, value, error = io.StringIO(), None, None
    with contextlib.redirect_stdout(printed):
        try:
            value = method(**arguments)
        except ApiException as refused:
            error = {"status": refused.status, "body": (refused.body or b"").decode()}
    sent = b"".join(_sent).decode()
    return {
        "value": value,
        "type": type(value).__name__,
        "printed": printed.getvalue(),
        "error": error,
        "sent": sent,
    }


def models(arguments):
    """Arguments with the packages' own models for what is a job or a node's update."""
    made = dict(arguments)
    if "request" in made:
        made["request"] = client.ApiPutJobRequest(job=job(made["request"]["Job"]))
    return made


def job(spec):
    """A job as the packages' users write it."""
    tasks = [
        client.Task(
            name=task["Name"],
            engine=client.SpecConfig(**lower(task["Engine"])),
            publisher=client.SpecConfig(**lower(task["Publisher"])) if task.get("Publisher") else None,
        )
        for task in spec["Tasks"]
    ]
    return client.Job(**lower({key: value for key, value in spec.items() if key != "Tasks"}), tasks=tasks)


def lower(fields):
    """Keys as Python spells them."""
    return {key.lower(): value for key, value in fields.items()}


if __name__ == "__main__":
    main()
