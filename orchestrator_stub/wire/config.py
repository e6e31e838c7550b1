"""GET /agent/config: the configuration that a default server shows (golden 01)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orchestrator_stub.domain.release import Release
from orchestrator_stub.domain.user import User

REDACTED = "********"
"""What stands for a secret (fact sheet 1.2)."""


def config_fields(
    release: Release, host: str, port: int, users: Sequence[User] = (), *, computes: bool = True
) -> dict[str, Any]:
    """The configuration of a server of this release with an API at `host` and `port`; secrets never stand in it.

    `computes`: the server is a compute node, too.
    """
    orchestrator: dict[str, Any] = {
        "Enabled": True,
        "Host": host,
        "Port": 4222,
        "Auth": {},
        "TLS": {},
        "Cluster": {},
        "NodeManager": {"DisconnectTimeout": "1m0s"},
        "Scheduler": {
            "WorkerCount": 2,
            "QueueBackoff": "1m0s",
            "HousekeepingInterval": "30s",
            "HousekeepingTimeout": "2m0s",
        },
        "EvaluationBroker": {"VisibilityTimeout": "1m0s", "MaxRetryCount": 10},
    }
    if release.license_answer:
        orchestrator["License"] = {}
    api_auth: dict[str, Any] = {"Methods": {"ClientKey": {"Type": "challenge"}}}
    if users:
        api_auth["Users"] = [_user(user) for user in users]
    if release.auth_config:
        api_auth["Oauth2"] = {}
    return {
        "config": {
            "API": {"Host": host, "Port": port, "TLS": {"Insecure": False}, "Auth": api_auth},
            "NameProvider": "puuid",
            "DataDir": "/srv/data",
            "Orchestrator": orchestrator,
            "Compute": _compute(release, host, computes=computes),
            "WebUI": {"Listen": "0.0.0.0:8438"},
            "InputSources": {"ReadTimeout": "5m0s", "MaxRetryCount": 3, "Types": {"IPFS": {}}},
            "Publishers": {"Types": _publishers(release, host)},
            "Engines": {
                "Disabled": ["docker"],
                "Types": {
                    "Docker": {"ManifestCache": {"Size": 1000, "TTL": "1h0m0s", "Refresh": "1h0m0s"}},
                    "WASM": {},
                },
            },
            "ResultDownloaders": {"Types": {"IPFS": {}}},
            "JobDefaults": _job_defaults(release),
            "JobAdmissionControl": {"Locality": "anywhere"},
            "Logging": {"Level": "info", "Mode": "default", "LogDebugInfoInterval": "30s"},
            "UpdateConfig": {},
            "FeatureFlags": {},
            "DisableAnalytics": True,
        }
    }


def _user(user: User) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "Alias": user.alias,
        "Username": user.username,
        "Password": REDACTED if user.password else "",
        "APIKey": REDACTED if user.api_key else "",
        "Capabilities": [{"Actions": list(actions)} if actions else {} for actions in user.capabilities],
    }
    return {name: value for name, value in fields.items() if value}


def _compute(release: Release, host: str, *, computes: bool) -> dict[str, Any]:
    """The first releases with partitions also brought port ranges and a list of allowed variables."""
    share = "80%" if release.partitions else "70%"
    heartbeat = {"InfoUpdateInterval": "1m0s", "ResourceUpdateInterval": "30s", "Interval": "15s"}
    if release.partitions:
        del heartbeat["ResourceUpdateInterval"]
    fields: dict[str, Any] = {"Enabled": True} if computes else {}
    fields["Orchestrators"] = [f"nats://{host}:4222"]
    if release.partitions:
        fields["Network"] = {"PortRangeStart": 20000, "PortRangeEnd": 32000}
    fields |= {
        "Auth": {},
        "Heartbeat": heartbeat,
        "AllocatedCapacity": {"CPU": share, "Memory": share, "Disk": share, "GPU": "100%"},
        "TLS": {},
    }
    if release.partitions:
        fields["Env"] = {}
    return fields


def _publishers(release: Release, host: str) -> dict[str, Any]:
    types: dict[str, Any] = {"IPFS": {}, "S3": {}}
    if release.managed_s3:
        types["S3Managed"] = {"PreSignedURLExpiration": "1h0m0s"}
    return types | {"Local": {"Address": host, "Port": 6001}}


def _job_defaults(release: Release) -> dict[str, Any]:
    resources = {"CPU": "500m", "Memory": release.default_memory}
    ending = {"Task": {"Resources": resources, "Publisher": {}, "Timeouts": {}}}
    lasting = {"Task": {"Resources": resources}}
    return {"Batch": ending, "Ops": ending, "Daemon": lasting, "Service": lasting}
