"""An address that other machines reach is refused until somebody thought of what they could do."""

from __future__ import annotations

import pytest

from orchestrator_stub.domain.errors import SettingsError
from orchestrator_stub.settings.flags import Settings, parse
from orchestrator_stub.settings.reach import open_address, reach_notes

OPEN = ["--host", "0.0.0.0", "--allow-host", "stub"]


def test_a_bind_to_the_network_needs_names():
    """A web page could reach the stub by a name of its own."""
    with pytest.raises(SettingsError, match="^--host 0.0.0.0 can be reached from other machines: .* --allow-host NAME$"):
        parse(["--host", "0.0.0.0", "--docker-runner", "off"])


@pytest.mark.parametrize("runner", ["auto", "sandbox", "docker", "process"])
def test_strangers_run_no_programs_unless_they_are_trusted(runner):
    """Everybody on the network could run programs here."""
    with pytest.raises(SettingsError) as refused:
        parse([*OPEN, "--docker-runner", runner])
    assert "--docker-runner off or scripted, or --trust-network" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert parse([*OPEN, "--docker-runner", runner, "--trust-network"]).docker_runner == runner


def test_strangers_read_no_files_unless_they_are_trusted(tmp_path):
    """Everybody on the network could read what only this machine was to read."""
    local = [*OPEN, "--docker-runner", "off", "--allow-local-path", str(tmp_path)]
    with pytest.raises(SettingsError, match="--allow-local-path is only for loopback.*--trust-network"):
        parse(local)
    assert parse([*local, "--trust-network"]).allow_local_paths


@pytest.mark.parametrize("runner", ["off", "scripted"])
def test_what_runs_nothing_of_theirs_may_be_reached(runner):
    """Airflow in a container could not be tested against a stub."""
    assert parse([*OPEN, "--docker-runner", runner]).host == "0.0.0.0"


@pytest.mark.parametrize("token", ["", "two words", "schlüssel", "a\nb"])
def test_a_token_that_no_client_could_send_is_refused(token):
    """`/stub/` would be closed to everybody, and nobody would know why."""
    with pytest.raises(SettingsError, match="--control-token: give visible ASCII"):
        parse(["--control-token", token])


def test_a_token_is_shown_nowhere():
    """A log line that shows the settings, or the complaint about them, would give it away."""
    assert "s3cr3t" not in repr(parse(["--control-token", "s3cr3t"]))
    with pytest.raises(SettingsError) as refused:
        parse(["--control-token", "s3cr3t word"])
    assert "s3cr3t" not in str(refused.value)


def test_the_banner_says_who_reaches_the_stub_and_what_they_may():
    """The user would not notice that the stub is open, or not find the address for the other machine."""
    assert reach_notes("http://127.0.0.1:1234", Settings()) == ()
    opened = Settings(host="0.0.0.0", allow_hosts=("stub", "10.0.0.5"))
    assert reach_notes("http://127.0.0.1:1234", opened) == (
        "other machines reach it as http://stub:1234, http://10.0.0.5:1234; /stub/ answers this machine alone",
    )
    trusted = Settings(host="::", allow_hosts=("stub",), control_token="T", trust_network=True)
    assert reach_notes("https://[::1]:1", trusted) == (
        "other machines reach it as https://stub:1; /stub/ opens with the control token",
        "programs of other machines run here (--trust-network)",
    )


def test_results_are_served_where_the_api_is():
    """A client on another machine would get a link to its own loopback; or a private stub open a port to the network."""
    assert open_address(Settings()) == "127.0.0.1"
    assert open_address(Settings(host="localhost")) == "127.0.0.1"
    assert open_address(Settings(host="0.0.0.0")) == "0.0.0.0"
