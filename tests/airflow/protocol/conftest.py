"""One task's tries against the stub, over HTTP. What dies, and when, is the test's; what is left is read from the stub.

The stub's clock moves only when told. A job runs for an hour of it, so `advance("1h")` lets jobs end.
"""

from __future__ import annotations

import asyncio
import importlib
import json
from dataclasses import replace

import pytest

from airflow_provider_bacalhau.errors import Conflict, NotFound
from airflow_provider_bacalhau.hooks.attempt import KillSwitch, TaskStore
from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook
from airflow_provider_bacalhau.hooks.submission import Submission
from airflow_provider_bacalhau.jobs.sweeping import Sweeper
from airflow_provider_bacalhau.lifecycle.attempt import Attempt
from airflow_provider_bacalhau.lifecycle.identity import Epoch, TaskRef
from orchestrator_stub.testing import stub_server

BORN = 1_000_000
GRACE = 90.0
LIVE = ("Pending", "Queued", "Running")


class Killed(BaseException):
    """What ends a process here as SIGKILL does: nothing handles it."""


def made(entry):
    """Whether a submit made a job although nobody got its answer."""
    return entry.method == "PUT" and entry.status == 0 and bool(entry.jobs)


class Log:
    """Keeps what was said."""

    def __init__(self):
        self.lines = []

    def info(self, text, *args):
        self.lines.append(text % args)

    warning = info


class Steps:
    """A client that does something of the test's before or after its own calls, once each."""

    def __init__(self, client, steps):
        self._client, self._steps = client, dict(steps)

    def __getattr__(self, name):
        value = getattr(self._client, name)
        if name.startswith("_") or not callable(value):
            return value

        def call(*args, **kwargs):
            self._steps.pop(f"before {name}", lambda: None)()
            answer = value(*args, **kwargs)
            self._steps.pop(f"after {name}", lambda: None)()
            return answer

        return call


class Bench:
    """One task of one run; its tries share the record (Airflow 3.3) unless they are `stored=False` (3.1)."""

    Killed = Killed
    GRACE = GRACE

    def __init__(self, stub, spec, store):
        self.stub, self.store = stub, store
        self.waited = 0.0
        self.attempt = Attempt(
            ref=TaskRef("prod", "etl", "run-1", "clean"),
            epoch=Epoch(BORN, 0, 2),
            try_number=1,
            spec={**spec, "Namespace": "default"},
            conn_id="bacalhau_default",
            late_submit_grace=GRACE,
        )

    def client(self):
        """A client of its own, as every process has."""
        return BacalhauHook().get_conn()

    def submission(self, *, steps=(), stored=True, sleep=None, **changes):
        """One process of the task. Its pauses pass on the stub's clock; `sleep` is called instead."""
        context = {"task_state_store": self.store} if stored else {}
        client = Steps(self.client(), steps) if steps else self.client()
        given = {"kill": KillSwitch(), "store": TaskStore(context), "log": Log(), "sleep": sleep or self.pause}
        return Submission(client, replace(self.attempt, **changes), **given)

    def pause(self, seconds):
        """Time passes at the server."""
        self.waited += seconds
        self.stub.clock.advance(seconds)

    def dies_in_submit(self, **changes):
        """A process whose submit is under way when it is killed; returns what lets the submit arrive at last."""
        fault = self.stub.fault("PUT", "*/jobs", "delay", seconds=600)
        hurry = {"before submit_job": lambda: setattr(one.client._http, "timeout", 0.1)}
        one = self.submission(sleep=self.die, steps=hurry, **changes)
        with pytest.raises(Killed):
            one.obtain()
        assert fault.hits
        return fault.remove

    def die(self, _=None):
        """As SIGKILL."""
        raise Killed

    def sweeper(self, pin):
        """What looks after the job of a pin for as long as somebody waits for it."""
        return Sweeper(pin, started_at=0.0, grace=GRACE)

    def stop(self, job_id, reason):
        """Somebody stops a job."""
        try:
            self.client().stop_job(job_id, reason=reason)
        except (Conflict, NotFound):
            raise AssertionError(job_id) from None

    @property
    def jobs(self):
        """(slot, state) of every job of the task, oldest first."""
        return [(int(job["Labels"]["airflow-slot"]), job["State"]["StateType"]) for job in self.stub.jobs()]

    @property
    def live(self):
        """Ids of the jobs that run or may still run."""
        return [job["ID"] for job in self.stub.jobs() if job["State"]["StateType"] in LIVE]

    @property
    def calls(self):
        """What was asked of the server and took effect, in this order: PUT, DELETE, GET; whoever heard the answer."""
        took_effect = (one for one in self.stub.journal() if "/jobs" in one.path and (one.status == 200 or made(one)))
        return [one.method for one in took_effect]

    @property
    def puts(self):
        """Submits that reached the server, whatever became of them."""
        return sum(one.method == "PUT" and one.path.endswith("/jobs") for one in self.stub.journal())

    def only_job(self):
        """The job, when there is exactly one."""
        (job,) = self.stub.jobs()
        return job

    def stopped_before_each_submit(self):
        """Whether a stop that arrived, and a look after it, stand between any two submits."""
        between = "".join(method[0] for method in self.calls).split("P")[1:-1]
        assert between and all("G" in calls.rpartition("D")[2] and "D" in calls for calls in between), self.stub.report()
        return True


class Task:
    """A task as its operator runs it; every leg is an operator of its own, as in a process of its own."""

    def __init__(self, bench, context, operator):
        self.bench, self._context, self._operator = bench, context, operator
        self.xcom = {}
        self.op, self.context = None, None

    def leg(self, *, stored=True, map_index=-1, same_try=False, **arguments):
        """Context and operator of the next leg. XCom is empty in a new try, as Airflow leaves it."""
        names = ("try_number", "max_tries", "clear_number", "born")
        told = {name: arguments.pop(name) for name in names if name in arguments}
        self.op = self._operator(**arguments)
        made = self._context(self.op, stored=stored, **told)
        made["ti"].map_index = map_index
        self.xcom = made["ti"].xcom = self.xcom if same_try else {}
        self.context = made
        return made

    def run(self, **arguments):
        """execute() of a try; returns what the task does."""
        context = self.leg(**arguments)
        return self.op.execute(context)

    def run_until_it_waits(self, **arguments):
        """execute() of a try whose process is killed once it has its job."""
        with pytest.raises(Killed):
            self.run(poll_interval=0.01, **arguments)

    def resume(self, event, **arguments):
        """execute_complete() of a try."""
        context = self.leg(same_try=True, deferrable=True, **arguments)
        return self.op.execute_complete(context, event=event)

    def fail(self, error, **arguments):
        """How Airflow resumes a task whose trigger raised or timed out."""
        context = self.leg(same_try=True, deferrable=True, **arguments)
        return self.op.resume_execution("__fail__", {"error": error}, context)

    def event(self, deferred):
        """The event of a deferral's trigger, from the arguments that Airflow's database keeps."""
        path, kept = deferred.trigger.serialize()
        again = getattr(importlib.import_module(path.rpartition(".")[0]), path.rpartition(".")[2])
        trigger = again(**json.loads(json.dumps(kept)))

        async def fire():
            return await anext(trigger.run())

        return json.loads(json.dumps(asyncio.run(fire()).payload))


@pytest.fixture
def release():
    """Of the server; parametrize it."""
    return "1.9.3"


@pytest.fixture
def patience():
    """Seconds that a client waits for an answer; parametrize it where one is held back."""
    return 5.0


@pytest.fixture
def stub(release, patience, monkeypatch):
    """A server whose clock stands still, and `bacalhau_default`, which leads there."""
    monkeypatch.setattr("airflow_provider_bacalhau.client.retry.FIRST_DELAY", 0.001)
    with stub_server("--emulate", release, "--clock", "virtual", "--s3", "off") as one:
        one.on(image="acme/clean:*", optional=True).after("1h").exit(0)
        connection = {"conn_type": "bacalhau", "host": one.url, "extra": {"read_timeout": patience, "deployment": "prod"}}
        monkeypatch.setenv("AIRFLOW_CONN_BACALHAU_DEFAULT", json.dumps(connection))
        yield one


@pytest.fixture
def bench(stub, spec, store):
    """One task on that server."""
    return Bench(stub, spec, store)


@pytest.fixture
def forgetful(monkeypatch):
    """A server that is killed before it looked at its next `forgetful["jobs"]` jobs: they stay Pending for ever."""
    from orchestrator_stub.engine.evaluations import Evaluations
    from orchestrator_stub.engine.orchestrator import SUBMITTED

    left = {"jobs": 1}
    look_at = Evaluations.look_at

    def forget(self, job_id, trigger, kind=""):
        if trigger == SUBMITTED and left["jobs"] > 0:
            left["jobs"] -= 1
            return "lost"
        return look_at(self, job_id, trigger, kind)

    monkeypatch.setattr(Evaluations, "look_at", forget)
    return left


@pytest.fixture
def pauses(monkeypatch):
    """No task sleeps: each pause runs the next step of this list instead, and nothing once it is empty."""
    steps, idle = [], iter(range(200))

    def next_step(*_):
        if steps:
            steps.pop(0)()
        elif next(idle, None) is None:
            raise AssertionError("the task waits for ever")

    monkeypatch.setattr("airflow_provider_bacalhau.hooks.attempt.pause", next_step)
    return steps


@pytest.fixture
def task(stub, spec, store, context, operator):
    """One task as its operator runs it: `task.run(try_number=2)`; `task.bench` looks at the server."""
    return Task(Bench(stub, spec, store), context, operator)


@pytest.fixture
def operator(spec):
    """Make an operator with a job of an hour."""
    from airflow_provider_bacalhau.operators.job import BacalhauSubmitJobOperator

    def make(**arguments):
        given = {"job_spec": spec, "stream_logs": "off", "poll_interval": 0.01, **arguments}
        return BacalhauSubmitJobOperator(task_id="clean", **given)

    return make
