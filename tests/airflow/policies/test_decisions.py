"""What the ready retry policy decides: never what has to be mended first, soon or late what another try may mend."""

from __future__ import annotations

from datetime import timedelta

import pytest

from airflow_provider_bacalhau import errors
from airflow_provider_bacalhau.lifecycle.retries import TABLE
from airflow_provider_bacalhau.policies.retry import BacalhauRetryPolicy


def example(rule):
    """An error of a row of the table."""
    if issubclass(rule.error, errors.JobError):
        return rule.error("x", kind=rule.kinds[0] if rule.kinds else "", retryable=rule.retried)
    return rule.error(["x"]) if rule.error is errors.SpecError else rule.error("x")


def decision(error, **options):
    """What the policy says, as words."""
    made = BacalhauRetryPolicy(**options).evaluate(error, try_number=1, max_tries=5)
    return made.action.value, made.retry_delay


@pytest.mark.parametrize("rule", TABLE, ids=lambda rule: f"{rule.error.__name__}-{'-'.join(rule.kinds)}")
def test_it_says_what_the_table_says(rule):
    """The README would promise what the policy does not do."""
    kept = ("default", None) if rule.delay is None else ("retry", timedelta(seconds=rule.delay))
    assert decision(example(rule)) == (kept if rule.retried else ("fail", None))


def test_other_errors_are_left_to_the_task():
    """A @task with the policy would not be retried as it says."""
    assert decision(ValueError("x")) == ("default", None)


def test_exit_codes_can_be_final():
    """A program that says "wrong arguments" would be run again."""
    error = errors.BacalhauJobFailed("x", kind="exit_code", exit_codes=[0, 2])
    assert decision(error)[0] == "default"
    assert decision(error, final_exit_codes={2, 3})[0] == "fail"


def test_kinds_and_delays_are_the_users_to_change():
    """A team could not say what it knows of its cluster."""
    assert decision(errors.BacalhauJobFailed("x", kind="input"), never={"input"})[0] == "fail"
    changed = decision(errors.BacalhauJobFailed("x", kind="busy"), delays={"busy": timedelta(minutes=1)})
    assert changed == ("retry", timedelta(minutes=1))


def test_a_stop_that_may_be_retried_is_retried():
    """`retry_on_external_stop=True` would do nothing beside the policy."""
    assert decision(errors.BacalhauJobStopped("x", kind="stopped", retryable=True))[0] == "default"


@pytest.mark.parametrize("options", [{"never": "imgae"}, {"delays": {"bussy": 1}}, {"delays": {"busy": "1m"}}])
def test_a_misspelt_policy_is_refused(options):
    """It would never hold, and nobody would notice."""
    with pytest.raises(errors.ConfigError, match="BacalhauRetryPolicy: "):
        BacalhauRetryPolicy(**options)


def test_it_survives_being_stored():
    """An Airflow that stores policies could not read the DAG."""
    one = BacalhauRetryPolicy(never={"input"}, final_exit_codes={2}, delays={"busy": 60})
    assert BacalhauRetryPolicy.deserialize(one.serialize()).serialize() == one.serialize()
