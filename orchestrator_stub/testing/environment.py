"""The environment of one test: without what leads to real systems, with what leads to its stub."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

LEADS_AWAY = ("AIRFLOW__*", "AIRFLOW_CONN_*", "AIRFLOW_HOME", "AIRFLOW_CONFIG", "AWS_*", "BACALHAU_*", "BOTO_*")
"""Variables of a shell by which tests could reach a real Airflow, cluster or account."""
TELLS_OTHERS = ("OPENLINEAGE_*", "OTEL_*", "SENTRY_*")
"""Variables by which a test run would be reported somewhere."""
POLL_INTERVAL = 0.05
"""Seconds between two looks of a task at its job: with a clock that jumps, a look is all that waiting takes."""
NOWHERE = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""Nobody's account is read from a file or asked of a cloud."""
_LOOPBACK = "127.0.0.1,localhost,::1"


def leading_away(names: Iterable[str], keep: Iterable[str] = ()) -> list[str]:
    """Those of the variables' names that lead to real systems. `keep`: patterns of names that do no harm."""
    spared = tuple(keep)
    patterns = LEADS_AWAY + TELLS_OTHERS
    return [
        name
        for name in names
        if any(fnmatchcase(name, pattern) for pattern in patterns)
        and not any(fnmatchcase(name, pattern) for pattern in spared)
    ]


def around_proxies(present: Mapping[str, str]) -> dict[str, str]:
    """What keeps requests to this machine from a proxy; other requests go there as before."""
    return {name: ",".join(filter(None, (present.get(name), _LOOPBACK))) for name in ("NO_PROXY", "no_proxy")}


def connections(stub: Mapping[str, str], s3_endpoint: str) -> dict[str, str]:
    """The variables of a test that uses a stub.

    :param stub: as `StubHandle.environment` gives them.
    :param s3_endpoint: where boto3 finds the stub's S3 without a connection; "" = there is none.
    """
    connection = json.loads(stub["AIRFLOW_CONN_BACALHAU_DEFAULT"])
    connection["extra"] = {"poll_interval": POLL_INTERVAL, **connection["extra"]}
    aws = {
        "AWS_ACCESS_KEY_ID": "stub",
        "AWS_SECRET_ACCESS_KEY": "stub",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_S3": s3_endpoint,
    }
    return {**NOWHERE, **stub, "AIRFLOW_CONN_BACALHAU_DEFAULT": json.dumps(connection), **(aws if s3_endpoint else {})}
