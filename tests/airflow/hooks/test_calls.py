"""What the hook's calls share: lists that are whole, and whose call of `submit_job` it is."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from types import SimpleNamespace

import pytest
from airflow.sdk import DAG, get_current_context, task

from airflow_provider_bacalhau.errors import SpecError
from airflow_provider_bacalhau.hooks import calls
from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook
from airflow_provider_bacalhau.hooks.calls import Caller, collect
from airflow_provider_bacalhau.models.responses import Page


class Item:
    """A model that is a number."""

    def __init__(self, number):
        self.number = number

    def to_plain(self):
        return {"N": self.number}


PAGES = {None: Page((Item(1), Item(2)), "a"), "a": Page((Item(3),), "b"), "b": Page((), "b")}


def numbers(answer, key="Items"):
    """The numbers of a list."""
    return [item["N"] for item in answer[key]]


def test_without_a_limit_the_list_is_whole():
    """A user would work on the first page and think that it is all."""
    answer = collect(PAGES.__getitem__, limit=None, next_token=None)
    assert numbers(answer) == [1, 2, 3]
    assert list(answer) == ["NextToken", "Items"]


def test_a_limit_asks_for_one_page_and_the_way_to_the_next():
    """Paging by hand would not be possible."""
    first = collect(PAGES.__getitem__, limit=2, next_token=None)
    assert (numbers(first), first["NextToken"]) == ([1, 2], "a")
    second = collect(PAGES.__getitem__, limit=2, next_token=first["NextToken"])
    assert numbers(second) == [3]


def test_a_token_that_leads_nowhere_new_ends_the_list():
    """The history of a running job repeats its token for ever, and so would the hook."""
    answer = collect(PAGES.__getitem__, limit=None, next_token="a")
    assert (numbers(answer), answer["NextToken"]) == ([3], "b")


def test_each_item_can_be_shown_differently():
    """Credentials in result URLs would reach XCom."""
    answer = collect(PAGES.__getitem__, limit=1, next_token=None, key="Nodes", shown=lambda item: {"N": -item["N"]})
    assert numbers(answer, "Nodes") == [-1, -2]


# --- whose call of submit_job it is -----------------------------------------------------------------------------------


def twice(name, **options):
    """A DAG whose task submits two jobs, and fails in its first try after that; what each try got."""
    got = []

    def work():
        number = get_current_context()["ti"].try_number
        hooks = BacalhauHook(), BacalhauHook()
        image = options.get("image", "acme/a:1")
        image = image(number) if callable(image) else image
        specs = [job(image), job("acme/b:1")]
        if options.get("loop"):
            got.append(asyncio.run(together(hooks[0], specs)))
        else:
            got.append([hook.submit_job(spec) for hook, spec in zip(hooks, specs, strict=True)])
        if number == 1:
            raise ValueError("broken on purpose")

    with DAG(name, schedule=None) as dag:
        task(work, task_id="work", retries=1, retry_delay=timedelta(0))()
    return dag, got


async def together(hook, specs):
    """Two calls under way at the same time."""
    return await asyncio.gather(*(hook.asubmit_job(spec) for spec in specs))


def job(image):
    """A small job."""
    engine = {"Type": "docker", "Params": {"Image": image}}
    return {"Type": "batch", "Count": 1, "Tasks": [{"Name": "main", "Engine": engine}]}


@pytest.mark.parametrize("loop", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("end", ["hang", "exit"])
def test_two_tries_that_submit_twice_make_two_jobs(bacalhau_connection, run_dag, end, loop):
    """A retry would run everything again beside what still runs, or is done already."""
    getattr(bacalhau_connection.on(image="*"), end)()
    dag, got = twice("twice", loop=loop)
    run = run_dag(dag)
    assert run.state == "success", run.explain()
    assert got[0] == got[1]
    assert len(set(got[0])) == 2
    jobs = {job["ID"]: job for job in bacalhau_connection.jobs()}
    assert set(jobs) == set(got[0])
    assert {job["Labels"]["airflow-lifetime"] for job in jobs.values()} == {"detached"}
    assert [jobs[job_id]["Tasks"][0]["Engine"]["Params"]["Image"] for job_id in got[0]] == ["acme/a:1", "acme/b:1"]


def test_a_lost_reply_in_a_task_is_one_job(bacalhau_connection, run_dag):
    """The work would be done twice."""
    bacalhau_connection.on(image="*").hang()
    bacalhau_connection.fault("PUT", "*/jobs", "drop_reply", nth=2)
    dag, got = twice("lost")
    assert run_dag(dag).state == "success"
    assert got[0] == got[1]
    assert bacalhau_connection.submissions() == 2


def test_another_spec_takes_the_place_of_the_living_job(bacalhau_connection, run_dag):
    """A retry would go on with the job of a spec that nobody wants any more, or leave it running beside the new one."""
    bacalhau_connection.on(image="*").hang()
    dag, got = twice("changed", image=lambda number: f"acme/a:{number}")
    assert run_dag(dag).state == "success"
    assert got[0][0] != got[1][0]
    assert got[0][1] == got[1][1]
    states = {job["ID"]: job["State"]["StateType"] for job in bacalhau_connection.jobs()}
    assert states == {got[0][0]: "Stopped", got[1][0]: "Running", got[1][1]: "Running"}


def test_calls_of_one_try_are_counted_whoever_makes_them(monkeypatch):
    """The second job would take the place of the first."""
    ti = SimpleNamespace(dag_id="etl", run_id=uuid.uuid4().hex, task_id="work", map_index=-1, try_number=1)
    monkeypatch.setattr(calls, "_running_task", lambda: {"ti": ti})
    assert [Caller.now(identity).ordinal for identity in (None, "task", "call", None)] == [1, 2, None, 3]
    ti.try_number = 2
    assert Caller.now(None).ordinal == 1
    ti.map_index = 0
    assert Caller.now(None).ordinal == 1


def test_a_wrong_spec_in_a_task_is_tried_once(bacalhau_connection, run_dag):
    """A typo would burn five retries."""
    with DAG("typo", schedule=None) as dag:
        task(lambda: BacalhauHook().submit_job({"Type": "batch"}), task_id="work", retries=5)()
    run = run_dag(dag)
    assert (run.state, run.tries("work")) == ("failed", 1)
    assert isinstance(run.error("work"), SpecError)


def test_a_call_leaves_the_operators_record_alone(bacalhau_connection, context, store, monkeypatch):
    """An operator that also submits by its hook would lose sight of its own job."""
    bacalhau_connection.on(image="*").hang()
    store.values["bacalhau_job"] = {"phase": "submitted"}
    given = context(SimpleNamespace(task_id="work", owner="", retries=0), stored=True)
    monkeypatch.setattr(calls, "_running_task", lambda: given)
    given["ti"].run_id = uuid.uuid4().hex
    BacalhauHook().submit_job(job("acme/a:1"))
    assert store.values.pop("bacalhau_job") == {"phase": "submitted"}
    assert [record["phase"] for record in store.values.values()] == ["submitted"]
