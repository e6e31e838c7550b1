"""Which attempt an execution is."""

from __future__ import annotations

from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.job import Job, SpecConfig, Task
from orchestrator_stub.engine.tries import Tries
from orchestrator_stub.store.memory import MemoryStore


class Shop:
    """A store with jobs and executions in the order of their making."""

    def __init__(self):
        self.store = MemoryStore(names=True)
        self.tries = Tries(self.store)
        self._time = 0

    def job(self, name, key="", kind="batch", **labels):
        """A job; `key`: its airflow-key."""
        labels = {**({"airflow-key": key} if key else {}), **labels}
        task = Task("main", SpecConfig("docker", {}))
        return self.store.add_job(Job(f"j-{name}", name, "default", kind, 50, 1, labels=labels, tasks=(task,), version=1))

    def run(self, record, partition=0, node="n-1"):
        """One more execution of a job; its number."""
        self._time += 1
        job = record.job
        execution = Execution(
            f"e-{self._time}", "default", "", node, job.id, job, job.version, partition, create_time=self._time
        )
        self.store.add_execution(record, execution)
        return self.tries.number(execution)


def test_executions_of_a_partition_are_counted_over_the_versions_of_a_job():
    """A rerun would be a first attempt again, or partition 3 a fourth one."""
    shop = Shop()
    record, other = shop.job("a"), shop.job("b")
    assert [shop.run(record, partition) for partition in (0, 1, 2, 1)] == [1, 1, 1, 2]
    assert shop.run(other) == 1
    record.job = Job(**{**{name: getattr(record.job, name) for name in record.job.__slots__}, "version": 2})
    assert shop.run(record, 1) == 3


def test_jobs_of_one_airflow_task_instance_count_together():
    """The retry of an Airflow task is a new job: it would be a first attempt for ever."""
    shop = Shop()
    first = shop.job("a", "k1")
    assert shop.run(first) == 1
    second, stranger = shop.job("b", "k1"), shop.job("c", "k2")
    assert [shop.run(second), shop.run(second), shop.run(stranger)] == [2, 3, 1]
    assert shop.run(shop.job("d", "k1"), partition=1) == 1


def test_an_earlier_execution_keeps_its_number():
    """A service that its node starts again would play the script of another attempt."""
    shop = Shop()
    record = shop.job("a", "k1")
    shop.run(record)
    first = record.executions[0]
    shop.run(record)
    assert shop.tries.number(first) == 1


def test_on_every_node_is_a_first_attempt_of_its_own():
    """The second node of an ops job would play the script of a second attempt."""
    shop = Shop()
    record = shop.job("a", kind="ops")
    assert [shop.run(record, node=node) for node in ("n-1", "n-2", "n-1")] == [1, 1, 2]


def test_what_was_forgotten_is_counted_anew():
    """After a reset the first job of the next test would be a second attempt."""
    shop = Shop()
    shop.run(shop.job("a", "k1"))
    shop.tries.forget()
    shop.store = shop.tries._store = MemoryStore(names=True)
    assert shop.run(shop.job("b", "k1")) == 1
