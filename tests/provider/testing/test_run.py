"""A finished run as a test asks it."""

from __future__ import annotations

import pytest

from airflow_provider_bacalhau.testing import Attempt, Run
from airflow_provider_bacalhau.testing.run import TaskState

XCOM = {("clean", "return_value"): {-1: "handle"}, ("count", "return_value"): {0: "a", 2: "c"}, ("count", "k"): {1: 1}}


def raised(error):
    """The error as it is once it was raised."""
    try:
        raise error
    except type(error) as found:
        return found


@pytest.fixture
def run():
    """clean succeeded in its second try, count is mapped and its second item failed, load never began."""
    attempts = [
        Attempt("clean", -1, 1, "up_for_retry", raised(KeyError("first")), ["one", "Task failed with exception", "trace"]),
        Attempt("clean", -1, 2, "success", None, ["two"]),
        Attempt("count", 1, 1, "failed", raised(ValueError("no\nsuch region")), ["begins", "Task failed with exception", "x"]),
    ]
    instances = [
        TaskState("clean", -1, "success", 2),
        TaskState("count", 0, "success", 1),
        TaskState("count", 1, "failed", 1),
        TaskState("count", 2, "success", 1),
        TaskState("load", -1, "upstream_failed", 0),
        TaskState("odd", -1, "failed", 0),
    ]
    return Run(
        dag_id="etl",
        run_id="r1",
        state="failed",
        instances=instances,
        attempts=attempts,
        read_xcom=lambda task, key: XCOM.get((task, key), {}),
    )


def test_tasks_are_named_as_people_name_them(run):
    """Mapped items could not be told apart."""
    assert run.tasks == {
        "clean": "success", "count[0]": "success", "count[1]": "failed", "count[2]": "success",
        "load": "upstream_failed", "odd": "failed",
    }  # fmt: skip
    assert repr(run) == "<Run etl r1: failed>"
    assert (run.tries("clean"), run.tries("count", map_index=1)) == (2, 1)


def test_xcom_is_a_value_or_a_list(run):
    """The results of a mapped task would come in any order, or holes would close up."""
    assert run.xcom("clean") == "handle"
    assert run.xcom("count") == ["a", None, "c"]
    assert run.xcom("count", map_index=2) == "c"
    assert run.xcom("count", key="k") == [None, 1, None]
    assert run.xcom("load") is None


def test_logs_are_of_all_tries_or_one(run):
    """What the first try said would be lost with it."""
    assert run.logs("clean") == "one\nTask failed with exception\ntrace\ntwo"
    assert run.logs("clean", try_number=2) == "two"
    assert run.logs("count", map_index=0) == run.logs("load") == ""


def test_the_last_error_counts(run):
    """A task that was repaired by its retry would look broken."""
    assert run.error("clean") is None
    assert isinstance(run.error("count", map_index=1), ValueError)
    assert run.error("load") is None


def test_a_failure_explains_itself(run):
    """A failing test would say no more than that the run failed."""
    text = run.explain()
    assert text.startswith("run r1 of etl: failed\n  clean: success after 2 tries\n  count[0]: success\n")
    assert "\ncount[1] failed in try 1:\n  ValueError: no\n  such region\n  at " in text
    assert f"at {__file__}:" in text
    assert "count[1]'s log before that:\n  begins\n" in text
    assert "Task failed with exception" not in text
    assert "odd failed before it began" in text
    assert "first" not in text


@pytest.mark.parametrize("ask", [Run.xcom, Run.logs, Run.error, Run.tries])
def test_an_unknown_task_is_refused_with_those_that_there_are(run, ask):
    """A typo in a test would read like a task that left nothing."""
    with pytest.raises(LookupError, match=r"run r1 of etl has no task 'claen'; there are clean, count\[0\]"):
        ask(run, "claen")
