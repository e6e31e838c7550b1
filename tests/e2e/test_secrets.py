"""Credentials stay where the user has put them."""

from __future__ import annotations

import base64
import json

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
LOGIN, PASSWORD, TOKEN, HEADER, KEY = (
    f"canary-{name}-5f1c9e" for name in ("login", "password", "token", "header", "key")
)
BASIC = base64.b64encode(f"{LOGIN}:{PASSWORD}".encode()).decode()
SECRETS = (PASSWORD, TOKEN, HEADER, KEY, BASIC)


@pytest.fixture
def connections(world):
    """Three connections with credentials, made as a user makes them; Airflow cannot know that a header is secret."""
    place = {"conn_type": "bacalhau", "host": "127.0.0.1", "port": world.stub_port}
    bearer = json.dumps({"token": TOKEN, "headers": {"X-Team": HEADER}})
    for connection in (
        {"connection_id": "canary_basic", **place, "login": LOGIN, "password": PASSWORD},
        {"connection_id": "canary_bearer", **place, "extra": bearer},
        {
            "connection_id": "canary_refused",
            **place,
            "host": f"{world.stub_url}/nowhere",
            "port": None,
            "password": KEY,
        },
    ):
        assert world.airflow.call("POST", "/connections", connection)
    yield
    for name in ("canary_basic", "canary_bearer", "canary_refused"):
        world.airflow.call("DELETE", f"/connections/{name}")


def test_no_credential_is_written_anywhere(world, connections):
    """Whoever may read logs, XCom, rendered fields, triggers or jobs could take over the cluster."""
    run = world.run("secretive")
    run.reach("bearer", "deferred")
    job = run.only_job("bearer")
    [(trigger,)] = world.sql("select kwargs from trigger where kwargs like ?", [f"%{job['ID']}%"])  # plain text in 3.3
    assert run.finish() == "failed"
    assert run.states() == {"basic": "success", "bearer": "success", "refused": "failed"}, run.explain()
    written = world.written() | {"trigger": trigger, "jobs": json.dumps(world.stub_jobs())}
    assert {name for name, text in written.items() if any(secret in text for secret in SECRETS)} == set()
    # The search sees what is there: the job's id is in the log, in XCom, in the record of the task and at the stub.
    seen = {name for name, text in written.items() if job["ID"] in text}
    assert {"table xcom", "table task_state_store", "trigger", "jobs"} <= seen
    assert any("task_id=bearer" in name for name in seen)
    assert any(
        "canary_basic" in text for name, text in written.items() if name == "table rendered_task_instance_fields"
    )
