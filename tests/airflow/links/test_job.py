"""The link to a job: present when there is a web UI to go to, and the same in every leg."""

from __future__ import annotations

import types

import pytest

from airflow_provider_bacalhau.links.job import XCOM_KEY, BacalhauJobLink, job_url


@pytest.mark.parametrize(
    ("webui", "by_query", "url"),
    [
        ("https://ui.acme.io/", True, "https://ui.acme.io/jobs?id=j-1"),
        ("https://ui.acme.io", False, "https://ui.acme.io/jobs/j-1"),
        ("http://stub/stub/#/jobs/{job_id}", True, "http://stub/stub/#/jobs/j-1"),
        (None, True, ""),
        ("", True, ""),
    ],
)
def test_the_url_of_a_job(webui, by_query, url):
    """The button would lead nowhere."""
    assert job_url(webui, "j-1", by_query=by_query) == url


def test_an_operator_that_knows_its_link_tells_it():
    """Airflow would overwrite the link with an empty one at the end of each leg."""
    operator = types.SimpleNamespace(job_link="https://ui/jobs?id=j-1")
    assert BacalhauJobLink().get_link(operator, ti_key=None) == "https://ui/jobs?id=j-1"


def test_a_leg_that_knows_no_link_keeps_the_pushed_one(monkeypatch):
    """A resumed leg that dies early would delete the link."""
    from airflow.sdk.execution_time.xcom import XCom

    pushed = {XCOM_KEY: "https://ui/jobs?id=j-1"}
    monkeypatch.setattr(XCom, "get_value", classmethod(lambda cls, *, ti_key, key: pushed.get(key)))
    operator = types.SimpleNamespace(job_link=None)
    assert BacalhauJobLink().get_link(operator, ti_key=None) == "https://ui/jobs?id=j-1"


def test_its_key_is_fixed():
    """A renamed class would lose the links of old runs."""
    assert BacalhauJobLink().xcom_key == XCOM_KEY == "bacalhau_job_link"
