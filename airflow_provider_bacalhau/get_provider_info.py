"""What Airflow asks every provider at start. Imports nothing, because every Airflow process loads it."""

from __future__ import annotations

from typing import Any

_ROOT = "airflow_provider_bacalhau"


def get_provider_info() -> dict[str, Any]:
    """The provider's metadata in the shape of Airflow's `provider_info.schema.json`."""
    return {
        "package-name": "airflow-provider-bacalhau",
        "name": "Bacalhau",
        "description": "Run jobs on a Bacalhau cluster: submit exactly once, wait, read logs, fetch results.",
        "integrations": [
            {
                "integration-name": "Bacalhau",
                "external-doc-url": "https://docs.bacalhau.org/",
                "tags": ["software"],
            }
        ],
        "operators": _modules(*(f"operators.{name}" for name in ("job", "docker", "wasm", "stop", "results", "reap"))),
        "sensors": _modules("sensors.job", "sensors.nodes"),
        "hooks": _modules("hooks.bacalhau"),
        "triggers": _modules("triggers.job", "triggers.nodes"),
        "extra-links": [f"{_ROOT}.links.job.BacalhauJobLink"],
        "connection-types": [
            {
                "connection-type": "bacalhau",
                "hook-class-name": f"{_ROOT}.hooks.bacalhau.BacalhauHook",
                "hook-name": "Bacalhau",
                "ui-field-behaviour": ui_field_behaviour(),
                "conn-fields": connection_fields(),
            }
        ],
        "config": {"bacalhau": _config_section()},
    }


def ui_field_behaviour() -> dict[str, Any]:
    """How the standard connection fields are named; the 3.1 form asks the hook for the same."""
    return {
        "hidden-fields": [],
        "relabeling": {
            "host": "Host or URL",
            "schema": "Schema (http or https)",
            "login": "Login (basic authentication)",
            "password": "Password, or API key when there is no login",
        },
        "placeholders": {
            "host": "orchestrator.acme.io or https://acme.io/bacalhau",
            "port": "1234",
            "schema": "http",
        },
    }


def connection_fields() -> dict[str, dict[str, Any]]:
    """The fields kept in the connection's Extra, by name; there is no other."""
    return {
        "token": _field("Bearer token", "A JWT sent as it is; not together with login or password.", secret=True),
        "ca_cert": _field("CA certificate", "Path or PEM text of the authority that signed the server's certificate."),
        "client_cert": _field("Client certificate", "Path or PEM text, for mutual TLS."),
        "client_key": _field("Client key", "Path or PEM text, for mutual TLS.", secret=True),
        "verify": _field("Verify TLS", "Switching this off warns in every task.", kind="boolean", default=True),
        "headers": _field("Headers", 'A JSON object sent with every request: {"X-Team": "etl"}.'),
        "connect_timeout": _field("Connect timeout (s)", "Seconds to wait for a connection; 5.", kind="number"),
        "read_timeout": _field(
            "Read timeout (s)", "Seconds to wait for an answer; 35, the server's limit is 30.", kind="number"
        ),
        "namespace": _field("Namespace", "Bacalhau namespace of jobs that name none."),
        "webui_url": _field("Web UI URL", "Shows a link to the job: a base URL, or one with {job_id} in it."),
        "deployment": _field("Deployment", "Name of this Airflow among those that share the orchestrator."),
        "aws_conn_id": _field("AWS connection id", "Reads and writes S3 results; aws_default."),
        "poll_interval": _field(
            "Poll interval (s)", "Fixed seconds between two looks at a job; adaptive when empty.", kind="number"
        ),
        "result_hosts": _field("Result hosts", "Further hosts results may be fetched from, separated by commas."),
        "ipfs_gateway": _field("IPFS gateway", "URL of a gateway to read ipfs results through."),
        "allow_plaintext": _field(
            "Allow plain text", "Send the credential over http to another machine.", kind="boolean", default=False
        ),
    }


def _modules(*names: str) -> list[dict[str, Any]]:
    return [{"integration-name": "Bacalhau", "python-modules": [f"{_ROOT}.{name}" for name in names]}]


def _field(
    label: str, description: str, *, kind: str = "string", secret: bool = False, default: Any = None
) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": [kind, "null"]} if default is None else {"type": kind, "default": default}
    if secret:
        schema["format"] = "password"
    return {"label": label, "description": description, "schema": schema}


def _config_section() -> dict[str, Any]:
    return {
        "description": "Settings of the Bacalhau provider.",
        "options": {
            "deployment": {
                "description": (
                    "Name of this Airflow among those that share an orchestrator; part of every job's key. "
                    "A connection's own deployment wins."
                ),
                "version_added": "0.1.0",
                "type": "string",
                "example": "prod-eu",
                "default": "",
            },
            "late_submit_grace": {
                "description": (
                    "Seconds to wait for a submission whose answer was lost before another one is sent under "
                    "another name; the sweeps for late ones scale with it."
                ),
                "version_added": "0.1.0",
                "type": "float",
                "example": None,
                "default": "90",
            },
            "secrets_in_spec": {
                "description": (
                    "What to do when a job spec holds a value that Airflow masks: everybody who may read the "
                    "cluster's jobs can read it. One of warn, refuse, allow."
                ),
                "version_added": "0.1.0",
                "type": "string",
                "example": None,
                "default": "warn",
            },
        },
    }
