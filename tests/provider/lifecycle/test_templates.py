"""Templates before there is a run."""

from __future__ import annotations

import jinja2
import pytest
from jinja2.nativetypes import NativeEnvironment

from airflow_provider_bacalhau.lifecycle.templates import UNKNOWN, changing, environment, is_unknown, rendered

KNOWN = {"ds": "2026-01-01", "params": {"n": 3}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no template", "no template"),
        ("s3://b/{{ ds }}/{jobID}", "s3://b/2026-01-01/{jobID}"),
        ("{{ params.n }}", "3"),
        ("{{ var.value.bucket }}/x", f"{UNKNOWN}/x"),
        ("{{ ti.xcom_pull('a')['result'] }}", UNKNOWN),
        ("{{ var.json.x | tojson }}", UNKNOWN),
        ("{{ ds + params.n }}", UNKNOWN),
        ("{% if var.value.x == 'y' %}a{% else %}b{% endif %}", "b"),
    ],
)
def test_what_is_known_is_rendered_and_the_rest_is_marked(text, value):
    """A spec that is right would be called wrong for a template in it."""
    assert rendered(text, KNOWN, environment()) == value


def test_a_template_that_is_none_is_told():
    """It would fail in the run only."""
    with pytest.raises(jinja2.TemplateSyntaxError):
        rendered("{{ ds", KNOWN, environment())


def test_values_of_native_templates_stay_plain():
    """A DAG that renders native objects would hand on a thing of Jinja's."""
    within = environment(NativeEnvironment())
    assert rendered("{{ var.value.x }}", KNOWN, within) == UNKNOWN
    assert rendered("{{ params.n }}", KNOWN, within) == 3


@pytest.mark.parametrize(
    ("value", "answer"),
    [({"a": [f"x{UNKNOWN}"]}, True), ({UNKNOWN: 1}, True), (("a", {"b": None}), False), (7, False)],
)
def test_a_mark_is_found_anywhere(value, answer):
    """A value of a run would be judged as if it were the user's."""
    assert is_unknown(value) is answer


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{{ ds }} {{ ts }} {{ run_id }} {{ logical_date.isoformat() }}", []),
        ("{{ dag_run.start_date }} {{ ti.task_id }} {{ ti.map_index }}", []),
        ("{{ macros.datetime.now() }}", ["macros.datetime.now"]),
        ("{{ macros.uuid.uuid4() }}", ["macros.uuid.uuid4"]),
        ("{{ macros.timedelta(days=1) }} {{ macros.ds_add(ds, 1) }}", []),
        ("{{ ti.try_number }}-{{ task_instance.start_date }}", ["ti.try_number", "task_instance.start_date"]),
        ("{{ ti['try_number'] }}", ["ti.try_number"]),
        ("{{ now() }}", ["now()"]),
        ("{{ [1, 2] | random }}", ["random"]),
        ("{{ broken", []),
        ("{jobID}", []),
    ],
)
def test_what_another_try_would_render_otherwise_is_named(text, found):
    """A job would be restarted by every retry and nobody would know why; or a good template would be cried at."""
    assert changing(text) == found
