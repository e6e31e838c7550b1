"""DAG files that tests write and run."""

from __future__ import annotations

import pytest

HEAD = """
from datetime import datetime, timedelta
from airflow.sdk import DAG, Param, dag, get_current_context, task
"""
SECOND_TRY = HEAD + '''
@dag(schedule="@daily", start_date=datetime(2026, 1, 1), catchup=False)
def second_try():
    @task(retries=1, retry_delay=timedelta(hours=1), retry_exponential_backoff=True)
    def work():
        import logging
        context = get_current_context()
        print("printed", context["ti"].try_number, end="")
        logging.getLogger("acme").warning("logged by a library")
        if context["ti"].try_number == 1:
            raise ValueError("broken on purpose")
        return {"when": context["logical_date"], "conf": context["dag_run"].conf, "ds": context["ds"]}

    @task
    def show(value):
        return value["ds"]

    show(work())

second_try()
'''
SENSOR = HEAD + '''
from airflow.sdk import BaseSensorOperator

looks = []

class Third(BaseSensorOperator):
    def poke(self, context):
        looks.append(1)
        return len(looks) == 3

with DAG("sensor", schedule=None):
    Third(task_id="wait", poke_interval=600)
'''
TWO = HEAD + '''
import beside

with DAG("one", schedule=None):
    task(lambda: beside.VALUE, task_id="work")()
with DAG("two", schedule=None):
    task(lambda: 2, task_id="work")()
'''
ALARM = HEAD + '''
import signal

with DAG("alarm", schedule=None):
    task(lambda: signal.getitimer(signal.ITIMER_REAL)[0], task_id="left")()
'''
TEXTS = {"alarm": ALARM, "second_try": SECOND_TRY, "sensor": SENSOR, "two": TWO, "uncalled": HEAD + "@dag()\ndef etl(): pass"}


@pytest.fixture
def written(tmp_path):
    """Write a DAG file: `written(one of TEXTS, or a text, name)` gives its path."""

    def write(text, name="dags/etl.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(TEXTS.get(text, text))
        return path

    return write
