"""What the stub says about itself, and the variables that lead to it."""

from __future__ import annotations

import json

from orchestrator_stub.control.info import StubInfo, banner, environment, export_lines

INFO = StubInfo(
    release="1.9.3",
    url="http://127.0.0.1:1234",
    s3_endpoint="http://127.0.0.1:4570",
    s3_note="buckets appear on first use",
    clock="real",
    nodes=3,
    node_size="16 CPU, 64 GB, 1 GPU each, advertised",
    docker="sandbox, images are ignored (--images)",
    runners=("docker: sandbox", "wasm: wasm"),
    notes=(),
    flags=(("port", 1234),),
)


def test_the_banner_is_the_documented_one():
    """Programs wait for the first line, users copy the last three."""
    assert banner(INFO) == [
        "bacalhau stub 1.9.3 listening on http://127.0.0.1:1234",
        "board    http://127.0.0.1:1234/stub/",
        "s3       http://127.0.0.1:4570   buckets appear on first use",
        "nodes    3 (16 CPU, 64 GB, 1 GPU each, advertised)   docker: sandbox, images are ignored (--images)",
        "export AIRFLOW_CONN_BACALHAU_DEFAULT='bacalhau://127.0.0.1:1234'",
        (
            'export AIRFLOW_CONN_AWS_DEFAULT=\'{"conn_type":"aws","login":"stub","password":"stub","extra":'
            '{"endpoint_url":"http://127.0.0.1:4570","region_name":"us-east-1"}}\''
        ),
        "export BACALHAU_API_HOST=127.0.0.1 BACALHAU_API_PORT=1234",
    ]


def test_env_prints_what_the_banner_prints():
    """`eval "$(bacalhau-stub env)"` would lead elsewhere."""
    read = StubInfo.from_plain(json.loads(json.dumps(INFO.to_plain())))
    assert export_lines(read) == banner(INFO)[-3:]


def test_a_command_that_runs_beside_the_stub_gets_links_to_its_page():
    """Job links in the UI would lead nowhere."""
    connection = json.loads(environment(INFO, with_board=True)["AIRFLOW_CONN_BACALHAU_DEFAULT"])
    assert connection["extra"]["webui_url"] == "http://127.0.0.1:1234/stub/#/jobs/{job_id}"
    assert (connection["host"], connection["port"]) == ("127.0.0.1", 1234)


def test_without_s3_no_aws_connection_is_set():
    """The user's own AWS connection would be replaced by one that leads nowhere."""
    without = StubInfo.from_plain({**INFO.to_plain(), "s3": {"endpoint": None, "note": "off"}})
    assert "AIRFLOW_CONN_AWS_DEFAULT" not in environment(without)
