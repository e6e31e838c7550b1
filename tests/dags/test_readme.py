"""The README's DAG is a DAG."""

from __future__ import annotations

import re
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"


def test_the_readmes_dag_parses(tmp_path):
    """The first thing that a user copies would fail."""
    from airflow.sdk import DAG

    source = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)[0]
    file = tmp_path / "etl.py"
    file.write_text(source + "\nfound = etl()\n", encoding="utf-8")
    names = {"__name__": "etl_of_the_readme", "__file__": str(file)}
    exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), names)
    assert isinstance(names["found"], DAG)
    assert {task.task_id for task in names["found"].tasks} == {"clean", "load"}
