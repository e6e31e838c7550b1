"""What Airflow itself does wrong, or keeps for itself: the provider does without."""

from __future__ import annotations

import ast
from collections import Counter
from importlib.metadata import entry_points
from pathlib import Path

import airflow_provider_bacalhau
from airflow_provider_bacalhau.get_provider_info import get_provider_info

PACKAGE = Path(airflow_provider_bacalhau.__file__).parent


def test_p17_no_plugin_is_registered_twice():
    """Airflow drops all plugins after one whose name it has met before, those of other packages too (P17)."""
    ours = [one for one in entry_points(group="airflow.plugins") if one.value.startswith(PACKAGE.name)]
    told = [one["plugin-class"] for one in get_provider_info().get("plugins", ())]
    classes = Counter([one.value.replace(":", ".") for one in ours] + told)
    assert max(classes.values(), default=1) == 1
    assert len({one.name for one in ours}) == len(ours)


def test_p12_triggers_know_no_task_state_store():
    """In a triggerer the store never answers, and the task would hang for ever (P12)."""
    nodes = [node for path in (PACKAGE / "triggers").glob("*.py") for node in ast.walk(ast.parse(path.read_text()))]
    names = {getattr(node, "id", getattr(node, "attr", getattr(node, "name", ""))) for node in nodes}
    assert not names & {"TaskStore", "state_store", "store_forever", "remembered", "task_state_store"}
    assert "BacalhauJobTrigger" in names
