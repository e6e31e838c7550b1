"""Flags of `serve`: what is understood, and what a wrong one gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator_stub.domain.errors import SettingsError
from orchestrator_stub.domain.hosts import is_loopback
from orchestrator_stub.settings.flags import AllowedPath, Settings, parse


def test_no_flag_means_the_documented_defaults():
    """`bacalhau-stub serve` would listen elsewhere or answer like another release."""
    assert parse([], environment={}) == Settings()
    assert (Settings().host, Settings().port, Settings().emulate, Settings().nodes) == ("127.0.0.1", 1234, "1.9.3", 3)


def test_every_flag_of_this_stage_is_understood(tmp_path):
    """A documented flag would be refused."""
    settings = parse(
        ["--host", "127.0.0.1", "--port", "0", "--emulate", "docs", "--nodes", "2", "--docker-runner", "scripted"]
        + ["--s3", "http://127.0.0.1:9000", "--strict", "--allow-host", "a", "--allow-host", "b"]
        + ["--allow-origin", "https://a", "--allow-url-inputs", "--allow-local-path", f"{tmp_path}:rw"]
    )
    assert settings.allow_hosts == ("a", "b")
    assert settings.allow_local_paths == (AllowedPath(tmp_path.resolve(), writable=True),)
    assert (settings.emulate, settings.nodes, settings.s3, settings.strict) == ("docs", 2, "http://127.0.0.1:9000", True)


def test_a_strict_stub_has_no_s3_unless_told(tmp_path):
    """It would advertise what a server without credentials does not have."""
    assert parse(["--strict"]).s3 == "off"
    assert parse(["--strict", "--s3", "embedded"]).s3 == "embedded"


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["--emulate", "2.0"], "1.9.3"),
        (["--port", "70000"], "0 to 65535"),
        (["--port", "x"], "--port"),
        (["--nodes", "cluster.yaml"], "give a number of nodes"),
        (["--docker-runner", "podman"], "auto, off, sandbox, docker, process, scripted"),
        (["--s3", "ftp://x"], "embedded, off, aws"),
        (["--allow-local-path", "/no/such/folder"], "existing folder"),
        (["--allow-origin", "example.com"], "scheme://host"),
        (["--frobnicate"], "--frobnicate"),
        (["--tls", "yes"], "auto:wrong-host"),
        (["--tls", "auto:broken"], "auto:expired"),
        (["--tls-cert", "c.pem"], "go together"),
        (["--tls", "auto", "--tls-cert", "c.pem", "--tls-key", "k.pem"], "leave --tls-cert"),
        (["--rate-limit", "-1"], "0 = no limit"),
        (["--emulate", "1.6.5", "--api-key", "a-key-of-20-characters"], "need 1.7.0 or later"),
        (["--api-key", "short"], "20 to 255 characters"),
        (["--auth", "/no/such/users.yaml"], "No such file"),
        (["--clock", "fast"], "--clock fast: choose one of real, virtual, auto"),
        (["--seed", "x"], "--seed x: give a whole number"),
        (["--seed", "-1"], "--seed"),
        (["--seed", "1" * 101], "at most 100 digits"),
    ],
)
def test_a_wrong_flag_names_what_would_be_right(flags, text):
    """The user would have to read the source."""
    with pytest.raises(SettingsError, match=text):
        parse(flags)


def test_loopback_is_told_from_names_that_look_like_it():
    """127.0.0.1.evil.example would pass for this machine."""
    assert all(map(is_loopback, ["localhost", "x.localhost", "127.0.0.1", "::1", "[::1]", "127.1.2.3"]))
    assert not any(map(is_loopback, ["localhost.evil.example", "127.0.0.1.evil.example", "0.0.0.0", "example.com", ""]))


def test_only_a_strict_stub_limits_the_rate_by_itself():
    """Load tests would measure the limiter; or a strict stub would let through what a real server refuses."""
    assert parse([]).rate_limit == 0
    assert parse(["--strict"]).rate_limit == 1000
    assert parse(["--strict", "--rate-limit", "0"]).rate_limit == 0
    assert parse(["--rate-limit", "50"]).rate_limit == 50


def test_one_key_is_one_user_who_may_do_everything():
    """`--api-key` would need a file as well."""
    assert [(u.api_key, u.capabilities) for u in parse(["--api-key", "a-key-of-20-characters"]).users] == [
        ("a-key-of-20-characters", (("*",),))
    ]


def test_a_key_is_shown_nowhere():
    """`/stub/info` or a log line that shows the settings would give the key away."""
    assert "a-key-of-20-characters" not in repr(parse(["--api-key", "a-key-of-20-characters"]))


def test_a_file_and_a_key_go_together(tmp_path):
    """One of the two flags would be lost, or two users could share a name."""
    file = tmp_path / "users.yaml"
    file.write_text('[{Alias: Admin, APIKey: a-key-of-20-characters, Capabilities: [{Actions: ["*"]}]}]')
    flags = ["--auth", str(file), "--api-key"]
    assert [user.alias for user in parse([*flags, "another-key-of-20-characters"]).users] == ["Admin", "api-key"]
    with pytest.raises(SettingsError, match="same API key"):
        parse([*flags, "a-key-of-20-characters"])


def test_the_engine_that_the_user_works_with_is_the_one_that_is_asked():
    """Containers would run in another engine than `docker ps` shows, or a stub that needs none would tell its place."""
    elsewhere = {"DOCKER_HOST": "unix:///run/other.sock"}
    assert parse(["--docker-runner", "docker"], environment=elsewhere).docker_host == "unix:///run/other.sock"
    assert parse([], environment=elsewhere).docker_host == "unix:///run/other.sock"
    assert parse(["--docker-runner", "scripted"], environment=elsewhere).docker_host == ""


def test_the_clock_and_the_seed_are_settings():
    """A test in CI could not be repeated on a laptop."""
    settings = parse(["--clock", "auto", "--seed", "007"])
    assert (settings.clock_mode, settings.seed) == ("auto", 7)
    assert (Settings().clock_mode, Settings().seed) == ("real", None)


def test_a_data_directory_is_where_the_stub_was_started(tmp_path, monkeypatch):
    """A path from the shell's folder would lead elsewhere, or `~` be a folder's name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/somewhere")
    assert parse(["--data-dir", "state"]).data_dir == tmp_path / "state"
    assert parse(["--data-dir", "~/state"]).data_dir == Path("/somewhere/state")
    assert parse([]).data_dir is None
