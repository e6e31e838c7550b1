"""Lines of findings."""

from __future__ import annotations

import pytest

from airflow_provider_bacalhau.commands.lines import DagLines, SpecLines

SPEC = """\
job:
  type: batch
  TASKS:
    - name: main
      engine: {type: docker,
               params: {image: a}}
      resourcesConfig:
        cpu: 1
    - name: other
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("Type", 2),
        ("Tasks[0].Name", 4),
        ("Tasks[0].Engine.Params.Image", 6),
        ("Tasks[0].Engine.Params.Missing", 6),
        ("Tasks[0].Resources.CPU", 8),
        ("Tasks[1]", 9),
        ("Tasks[2].Name", 3),
        ("Constraints", 1),
        ("", 1),
    ],
)
def test_a_path_has_the_line_of_its_key_or_of_the_nearest_part(path, line):
    """An annotation would stand beside another line."""
    assert SpecLines(SPEC).at(path) == line


def test_json_has_lines_too():
    """JSON would be annotated in its first line only."""
    assert SpecLines('{\n"Type": "batch",\n"Count":\n"x"}').at("Count") == 3


def test_an_empty_document_has_a_line():
    """An empty file would be a traceback."""
    assert SpecLines("").at("Type") == 1


DAG = """\
with DAG("d"):
    a = Operator(
        task_id="a",
        labels={"run": str(uuid.uuid4())},
        retry_delay=timedelta(minutes=5))
    with TaskGroup("g"):
        b = Operator.partial(task_id="b").expand(x=y)
    for n in range(3):
        Operator(task_id=f"part_{n}_x")
        Operator(task_id=n)
"""


@pytest.mark.parametrize(("task", "line"), [("a", 2), ("g.b", 7), ("part_2_x", 9), ("part_x", 1), ("nowhere", 1)])
def test_a_task_has_the_line_of_its_call(task, line):
    """A finding about the third operator would lead to the first."""
    assert DagLines(DAG).call(task).line == line


def test_calls_that_are_made_whenever_the_file_is_read_are_found():
    """`str(uuid4())` in a label restarts the job with every retry, and looks harmless."""
    assert DagLines(DAG).call("a").made_up == {"labels": "uuid.uuid4()"}
    assert DagLines(DAG).call("g.b").made_up == {}
