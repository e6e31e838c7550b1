"""What the stub says about itself, and the variables that lead to it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace

from orchestrator_stub.control.info import StubInfo, banner, environment, export_lines, seen_from

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


SECURE = replace(INFO, url="https://127.0.0.1:1234", ca_file="/tmp/x/ca.pem", tls_note="CA made at start")


def test_with_tls_every_way_to_the_stub_says_so():
    """A client would speak plain HTTP, or not trust the stub."""
    lines = banner(SECURE)
    assert lines[:3] == [
        "bacalhau stub 1.9.3 listening on https://127.0.0.1:1234",
        "board    https://127.0.0.1:1234/stub/",
        "tls      /tmp/x/ca.pem   CA made at start",
    ]
    assert lines[-1] == (
        "export BACALHAU_API_HOST=127.0.0.1 BACALHAU_API_PORT=1234 BACALHAU_API_TLS_USETLS=true "
        "BACALHAU_API_TLS_CAFILE=/tmp/x/ca.pem"
    )
    assert json.loads(environment(SECURE)["AIRFLOW_CONN_BACALHAU_DEFAULT"]) == {
        "conn_type": "bacalhau", "host": "127.0.0.1", "port": 1234, "schema": "https", "extra": {"ca_cert": "/tmp/x/ca.pem"},
    }  # fmt: skip
    beside = json.loads(environment(SECURE, with_board=True)["AIRFLOW_CONN_BACALHAU_DEFAULT"])
    assert beside["extra"] == {
        "ca_cert": "/tmp/x/ca.pem",
        "webui_url": "https://127.0.0.1:1234/stub/#/jobs/{job_id}",
    }
    assert export_lines(StubInfo.from_plain(json.loads(json.dumps(SECURE.to_plain())))) == export_lines(SECURE)


def test_a_certificate_that_clients_have_to_know_already_names_no_ca():
    """The connection would trust nothing but a file that is no authority's."""
    known = replace(SECURE, ca_file="", tls_note="certificate /etc/cert.pem")
    variables = environment(known)
    assert "ca_cert" not in variables["AIRFLOW_CONN_BACALHAU_DEFAULT"]
    assert variables["BACALHAU_API_TLS_USETLS"] == "true"
    assert "BACALHAU_API_TLS_CAFILE" not in variables
    assert "tls      certificate /etc/cert.pem" in banner(known)


def test_a_shell_reads_nothing_but_the_values():
    """`eval "$(bacalhau-stub env)"` would break at, or run, what a folder or a server's answer is called."""
    odd = replace(SECURE, ca_file="/tmp/it's $(exit 3) `exit 4`/ca.pem", s3_endpoint="http://127.0.0.1:1/'; exit 5; '")
    script = "\n".join([*export_lines(odd), 'printf "%s\\n" "$BACALHAU_API_TLS_CAFILE" "$AIRFLOW_CONN_AWS_DEFAULT"'])
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    ca_file, aws = done.stdout.splitlines()
    assert ca_file == odd.ca_file
    assert json.loads(aws)["extra"]["endpoint_url"] == odd.s3_endpoint


def test_another_machine_is_led_to_the_name_that_it_uses():
    """Its variables would lead to itself; or a foreign S3 be moved to where none is."""
    seen = seen_from(INFO, "stub.internal")
    assert (seen.url, seen.s3_endpoint) == ("http://stub.internal:1234", "http://stub.internal:4570")
    assert seen_from(INFO, "fd00::1").url == "http://[fd00::1]:1234"
    assert seen_from(INFO, "localhost") == INFO
    assert seen_from(replace(INFO, s3_endpoint="http://minio:9000"), "stub").s3_endpoint == "http://minio:9000"
    assert seen_from(replace(INFO, s3_endpoint=""), "stub").s3_endpoint == ""
