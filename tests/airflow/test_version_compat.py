"""The one file that knows Airflow's versions."""

from __future__ import annotations

import subprocess
import sys

import pytest

from airflow_provider_bacalhau import version_compat as compat


def test_it_imports_without_a_deprecation_warning():
    """Every parse of every DAG would print one."""
    code = (
        "import warnings, airflow.sdk; warnings.simplefilter('error'); import airflow_provider_bacalhau.version_compat"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_final_errors_are_those_that_airflow_does_not_retry():
    """Airflow would retry what can never work."""
    assert issubclass(compat.AirflowFailException, compat.AirflowException)


def test_a_record_outlives_a_try(store):
    """The next try would not know what is in flight."""
    context = {"task_state_store": store}
    assert compat.remembered(context) is None
    assert compat.store_forever(context, {"phase": "submitted"})
    assert compat.remembered(context) == {"phase": "submitted"}


def test_without_a_store_nothing_is_kept_and_nothing_breaks():
    """On Airflow 3.1 every task would fail."""
    assert not compat.store_forever({}, {"phase": "submitted"})
    assert compat.remembered({}) is None
    assert not compat.run_clears_are_counted({})


def test_a_store_that_refuses_is_heard(store):
    """A superseded worker would go on."""
    store.lost = True
    with pytest.raises(RuntimeError):
        compat.store_forever({"task_state_store": store}, {})


def test_secrets_are_recognised_by_name_and_content():
    """A password in a job's environment, or one rendered deep into a command, would be sent without a word."""
    compat.mask(["compat-5f1c9e"])
    spec = {"Tasks": [{"Engine": {"Params": {"Parameters": ["-c", "x compat-5f1c9e y"]}}, "Env": {"DB_PASSWORD": "x"}}]}
    (task,) = compat.redacted(spec)["Tasks"]
    assert task["Engine"]["Params"]["Parameters"] == ["-c", "x *** y"]
    assert task["Env"] == {"DB_PASSWORD": "***"}
    assert compat.redacted({"Env": {"DAY": "x"}}) == {"Env": {"DAY": "x"}}


class Supervisor:
    """The process that writes the task log, as far as a masked value reaches it."""

    def __init__(self):
        self.told = []

    def send(self, message):
        """From a task."""
        self.told += message.value

    async def asend(self, message):
        """From a trigger."""
        self.send(message)


@pytest.fixture
def supervisor(monkeypatch):
    """The process that writes the log of the running task or trigger."""
    from airflow.sdk.execution_time import task_runner

    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", one := Supervisor(), raising=False)
    return one


async def test_the_writer_of_the_log_learns_what_to_mask(supervisor):
    """The log is written by another process, which would write the secret as it comes."""
    compat.mask(["compat-task-5f1c9e"])
    await compat.amask(["compat-trigger-5f1c9e"])
    assert supervisor.told == ["compat-task-5f1c9e", "compat-trigger-5f1c9e"]
    assert compat.redacted("a compat-trigger-5f1c9e b") == "a *** b"


async def test_nothing_to_mask_is_no_message(supervisor):
    """Every task of a connection without a credential would wait for an answer to nothing."""
    compat.mask(())
    await compat.amask(())
    assert supervisor.told == []
