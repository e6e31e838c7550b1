"""Which failures another try can mend: one table, and the README prints it."""

from __future__ import annotations

import inspect
import typing
from pathlib import Path

import pytest

from airflow_provider_bacalhau import errors
from airflow_provider_bacalhau.lifecycle.failures import Kind
from airflow_provider_bacalhau.lifecycle.retries import ERRORS, KINDS, TABLE, rule_for, rule_of

README = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
HEAD = "| A task fails with | because | retried? |"
CLASSES = [one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, errors.BacalhauError)]


def row(rule):
    """A row as the README prints it."""
    kinds = f", kind {', '.join(f'`{kind}`' for kind in rule.kinds)}" if rule.kinds else ""
    answer = "yes" if rule.retried else "no"
    if rule.error is errors.BacalhauJobStopped:
        answer += ", unless `retry_on_external_stop=True`"
    if rule.delay is not None:
        answer += f"; the policy: after {rule.delay / 60:.0f} minutes" if rule.delay else "; the policy: at once"
    return f"| `{rule.error.__name__}`{kinds} | {rule.because} | {answer} |"


def test_the_readme_prints_the_table():
    """Users would rely on retries that do not happen, or pay for those that do."""
    _, _, rest = README.partition(f"{HEAD}\n|---|---|---|\n")
    shown = rest.partition("\n\n")[0].splitlines()
    assert shown == [row(rule) for rule in TABLE]


@pytest.mark.parametrize("error", CLASSES, ids=lambda one: one.__name__)
def test_every_error_has_a_row_of_its_own(error):
    """A new error would be retried, or not, by accident."""
    assert error in {rule.error for rule in TABLE}


def test_every_kind_of_a_failed_execution_has_a_row():
    """A user's policy could not name it."""
    assert set(typing.get_args(Kind)) <= set(KINDS)


@pytest.mark.parametrize("kind", ["command", "spec"])
def test_a_typo_is_not_tried_again(kind):
    """Five retries would fail in the same way."""
    assert not rule_of("failed", kind).retried


@pytest.mark.parametrize(("kind", "delay"), [("node_lost", 0.0), ("no_nodes", 300.0), ("exit_code", None)])
def test_the_delay_fits_the_cause(kind, delay):
    """A lost node would cost five minutes, a full cluster be asked every second."""
    assert rule_of("failed", kind).retried
    assert rule_of("failed", kind).delay == delay


def test_a_row_never_hides_one_behind_it():
    """A rule could be written that never holds."""
    for number, rule in enumerate(TABLE):
        for before in TABLE[:number]:
            covered = issubclass(rule.error, before.error) and (not before.kinds or set(rule.kinds) & set(before.kinds))
            assert not covered, (before, rule)


def test_an_unknown_kind_is_retried():
    """A kind of a newer provider, in an event of a triggerer that was upgraded first, would end the task for good."""
    assert rule_of("failed", "of tomorrow").retried
    assert rule_for(errors.BacalhauJobFailed("x", kind="of tomorrow")).error is errors.JobError


def test_outcomes_have_their_errors():
    """A stopped job would be retried as a failed one."""
    assert {outcome: rule_of(outcome, "").error for outcome in ERRORS} == dict.fromkeys(ERRORS, errors.JobError)
    assert rule_of("stopped", "stopped").error is errors.BacalhauJobStopped
