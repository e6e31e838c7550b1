"""The engine that is found, why none is, and what a killed stub left in it."""

from __future__ import annotations

import http.server
import os
import socket
import socketserver
import threading
from pathlib import Path

import engines
import pytest

from orchestrator_stub.runners.docker_owner import OWNER, owner_label
from orchestrator_stub.runners.docker_sockets import find_engine, remove_left_overs, usual_sockets


@pytest.fixture
def answering(tmp_path):
    """Starts a server on a socket that answers everything with a status and a body."""
    servers = []

    def start(status, body):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def address_string(self):
                return "socket"

            def log_message(self, *_):
                pass

        path = tmp_path / f"{len(servers)}.sock"
        servers.append(socketserver.ThreadingUnixStreamServer(str(path), Handler))
        threading.Thread(target=servers[-1].serve_forever).start()
        return path

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_an_engine_is_found_where_docker_host_says(engine_socket):
    """The stub would not use the engine that the user works with."""
    found = find_engine(f"unix://{engine_socket}")
    assert found.reason == ""
    assert found.engine.name.split()[0] in ("Podman", "Docker")
    assert found.engine.cpus >= 1
    assert found.engine.base.startswith("http://engine/v1.")


def test_the_first_socket_that_answers_counts(engine_socket, tmp_path):
    """A socket that an uninstalled engine left behind would hide the one that works."""
    stale = tmp_path / "stale.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(stale))
    assert find_engine(sockets=[tmp_path / "none.sock", stale, Path(engine_socket)]).engine.socket == Path(engine_socket)


@pytest.mark.parametrize(
    ("docker_host", "reason"),
    [
        ("tcp://127.0.0.1:2375", "DOCKER_HOST tcp://127.0.0.1:2375 is no unix socket; set it to unix:///PATH of one"),
        ("unix://relative", "DOCKER_HOST unix://relative is no unix socket; set it to unix:///PATH of one"),
        ("unix:///no/such.sock", "no container engine answers at /no/such.sock: start Docker or Podman"),
    ],
)
def test_a_docker_host_that_leads_nowhere_is_named(docker_host, reason):
    """The user would look for an engine that he never meant."""
    found = find_engine(docker_host)
    assert found.engine is None
    assert found.reason.startswith(reason)
    assert "\n" not in found.reason


def test_without_any_engine_the_reason_says_what_to_do(tmp_path):
    """The user would only learn that it does not work."""
    reason = find_engine(sockets=[tmp_path / "none.sock"]).reason
    assert reason.startswith("no container engine was found: start Docker or Podman")
    assert "DOCKER_HOST" in reason


@pytest.mark.parametrize(("status", "body"), [(200, b"hello"), (200, b"[]"), (200, b"{}"), (404, b"nothing here"), (500, b'{"message": "broken"}')])
def test_what_is_no_engine_is_told_apart(answering, status, body):
    """The stub would end with a traceback, or every job fail later."""
    path = answering(status, body)
    found = find_engine(f"unix://{path}")
    assert found.engine is None
    assert f"at {path}" in found.reason
    assert "start Docker or Podman" in found.reason


def test_a_socket_of_others_says_how_to_join_them(tmp_path, monkeypatch):
    """The user would start an engine that runs already."""
    path = tmp_path / "other.sock"
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may use every socket
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        assert "join the group" in find_engine(f"unix://{path}").reason


def test_engines_of_this_user_and_of_the_machine_are_looked_for():
    """Docker Desktop or rootless Podman would not be found."""
    found = [str(path) for path in usual_sockets(1000, Path("/people/me"))]
    assert found[0] == "/var/run/docker.sock"
    assert {"/run/user/1000/podman/podman.sock", "/run/podman/podman.sock", "/people/me/.docker/run/docker.sock"} <= set(found)


def test_containers_of_killed_stubs_are_removed_and_no_others(engine_socket):
    """A program would run for ever, or that of another stub, or of the user, be killed."""
    hostname = socket.gethostname()
    labels = [{OWNER: f"{hostname}/{2**22 + 1}/5"}, {OWNER: owner_label()}, {OWNER: "elsewhere/1/1"}, {}]
    with engines.client(engine_socket) as asking:
        ids = []
        for each in labels:
            body = {"Image": engines.IMAGE, "Cmd": ["sleep", "300"], "Labels": each, "HostConfig": {"NetworkMode": "none"}}
            ids.append(asking.post("/containers/create", json=body).json()["Id"])
            assert asking.post(f"/containers/{ids[-1]}/start").is_success
        try:
            assert remove_left_overs(find_engine(f"unix://{engine_socket}").engine) == 1
            left = {each["Id"] for each in asking.get("/containers/json", params={"all": "1"}).json()}
            assert left == set(ids[1:])
        finally:
            for one in ids:
                asking.post(f"/containers/{one}/kill")
                asking.delete(f"/containers/{one}", params={"force": "1"})
