"""Credentials stay where the user has put them."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from airflow_api import DIRECT
from parrot import REFUSING, Parrot

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
CANARIES = {
    name: f"canary-{name}-5f1c9e" for name in ("password", "token", "header", "cookie", "key", "aws", "refused", "pem")
}
PEM_LINES = [base64.b64encode(f"{CANARIES['pem']}-{n:02}".encode() * 2).decode()[:64] for n in range(3)]
PEM = "\n".join(["-----BEGIN PRIVATE KEY-----", *PEM_LINES, "-----END PRIVATE KEY-----"])
LOGIN = "canary-login"
EXTRAS = {
    "bearer": {"token": CANARIES["token"], "headers": {"X-Team": CANARIES["header"], "Cookie": CANARIES["cookie"]}},
    "keyed": {"client_cert": PEM.replace("PRIVATE KEY", "CERTIFICATE"), "client_key": PEM},
    "unpemmed": {"client_cert": "/nowhere.pem", "client_key": "".join(PEM_LINES) * 2},
}
EXPECTED = {
    "basic": "success",
    "bearer": "success",
    "mapped[0]": "success",
    "mapped[1]": "success",
    "failing": "failed",
    "killed": "failed",
    "refused": "failed",
    "refused_waiting": "failed",
    "keyed": "failed",
    "unpemmed": "failed",
    "fetched": "failed",
}


def forms():
    """Every canary in every form in which a text may show it."""
    pairs = [f"{LOGIN}:{CANARIES[name]}" for name in ("password", "refused")]
    encoded = [base64.b64encode(pair.encode()).decode() for pair in pairs]
    plain = [*CANARIES.values(), *PEM_LINES, *encoded]
    return {form for one in plain for form in (one, quote(one, safe=""), base64.b64encode(one.encode()).decode()[:-4])}


def seen_in(places):
    """Names of the places with a canary, and what was seen there."""
    wanted = forms()
    seen = {where: sorted(one for one in wanted if one in text) for where, text in places.items()}
    return {where: what for where, what in seen.items() if what}


@pytest.fixture
def parrot(world):
    """A gateway before the stub that says back all that it is sent."""
    one = Parrot(world.stub_url)
    yield one
    one.close()


@pytest.fixture
def connections(world, parrot):
    """Connections with a canary in every field that is secret, made as a user makes them, all through the gateway."""
    place = {"conn_type": "bacalhau", "host": "127.0.0.1", "port": parrot.port}
    refusing = {**place, "host": f"http://127.0.0.1:{parrot.port}{REFUSING}", "port": None}
    s3 = json.loads(world.environment["AIRFLOW_CONN_AWS_DEFAULT"])["extra"]
    wanted = {
        "canary_basic": {**place, "login": LOGIN, "password": CANARIES["password"]},
        "canary_bearer": {**place, "extra": json.dumps({**EXTRAS["bearer"], "aws_conn_id": "canary_aws"})},
        "canary_api_key": {**place, "password": CANARIES["key"]},
        "canary_refused": {**refusing, "login": LOGIN, "password": CANARIES["refused"]},
        "canary_keyed": {**place, "schema": "https", "extra": json.dumps(EXTRAS["keyed"])},
        "canary_unpemmed": {**place, "schema": "https", "extra": json.dumps(EXTRAS["unpemmed"])},
        "canary_aws": {"conn_type": "aws", "login": "ASIA5F1C9E", "password": CANARIES["aws"], "extra": json.dumps(s3)},
    }
    for name, fields in wanted.items():
        assert world.airflow.call("POST", "/connections", {"connection_id": name, **fields})
    yield wanted
    for name in wanted:
        world.airflow.call("DELETE", f"/connections/{name}")


def pages(world, run):
    """What the stub and Airflow's API answer to whoever looks at this run."""
    stub = ["/stub/", "/stub/info", "/stub/journal", "/stub/journal/submissions", "/stub/nodes", "/stub/scripts"]
    jobs = [job["ID"] for job in world.stub_jobs()]
    stub += [f"/api/v1/orchestrator/jobs/{one}{part}" for one in jobs for part in ("", "/history", "/executions")]
    shown = {}
    for path in [*stub, "/api/v1/orchestrator/jobs?namespace=*&limit=1000"]:
        with DIRECT.open(world.stub_url + path, timeout=30) as answer:
            shown[f"stub {path}"] = answer.read().decode()
    base = f"/dags/{run.dag_id}/dagRuns/{quote(run.run_id, safe='')}"
    for path in (base, f"{base}/taskInstances", f"{base}/taskInstances/~/xcomEntries?limit=200", "/eventLogs?limit=500"):
        shown[f"api {path}"] = json.dumps(world.airflow.call("GET", path))
    for name, task in run.tasks().items():
        shown |= {f"api log {name} {n}": run.log(name, n) for n in range(1, task["try_number"] + 1)}
        one = f"{base}/taskInstances/{task['task_id']}/xcomEntries/bacalhau_job?map_index={task['map_index']}"
        shown[f"api xcom {name}"] = json.dumps(world.airflow.call("GET", one))
    return shown


def shown_by_test(world, connections):
    """What the button "Test" of each connection's form shows."""
    ours = {name: fields for name, fields in connections.items() if fields["conn_type"] == "bacalhau"}
    ask = world.airflow.call
    return {
        f"test of {name}": json.dumps(ask("POST", "/connections/test", {"connection_id": name, **fields}))
        for name, fields in ours.items()
    }


def test_no_credential_is_written_or_shown_anywhere(world, connections, parrot):
    """Whoever may read logs, XCom, rendered fields, triggers or jobs could take over the cluster."""
    run = world.run("secretive")
    run.reach("bearer", "deferred")
    run.waits_in_triggerer("killed")
    job = run.only_job("bearer")
    meanwhile = {f"meanwhile {where}": text for where, text in world.written().items()}
    run.mark_failed("killed")
    assert run.finish(within=120) == "failed"
    assert run.states() == EXPECTED, run.explain()
    assert run.tasks()["failing"]["try_number"] == 2
    assert parrot.echoes > 20
    places = world.written() | meanwhile | pages(world, run)
    places |= shown_by_test(world, connections)
    assert seen_in(places) == {}
    # The search sees what is there: the job's id is in logs, in XCom, in the record, in the trigger's row and at the stub.
    where = {name for name, text in places.items() if job["ID"] in text}
    needed = {"table xcom", "table task_state_store", "meanwhile table trigger", "stub /stub/journal", "api log bearer 1"}
    assert needed <= where, needed - where
    assert any("task_id=bearer" in name for name in where)
    assert "canary_basic" in places["table rendered_task_instance_fields"]
    assert "***" in places["api log failing 2"]
    assert "***" in places["api log refused 1"]
    assert "***" in places["test of canary_refused"]


def test_the_search_sees_a_canary_in_every_form():
    """A search that finds nothing because it cannot see proves nothing."""
    for name, secret in CANARIES.items():
        assert seen_in({"x": f"Bearer {secret}!"}), name
    assert seen_in({"x": base64.b64encode(f"{LOGIN}:{CANARIES['password']}".encode()).decode()})
    assert seen_in({"x": f"/?t={quote(CANARIES['token'], safe='')}"})
    assert seen_in({"x": PEM_LINES[1]})
    assert seen_in({"x": "nothing"}) == {}
