"""The file of `--scripts`: what becomes of jobs, as the control surface takes it too (design 5).

    - match: {task: train, partition: 3, attempt: 1}
      stages: [{after: 4s, stderr: Killed, exit: 137}]
"""

from __future__ import annotations

from pathlib import Path

from orchestrator_stub.domain.script import Script
from orchestrator_stub.domain.scriptreading import parse_scripts
from orchestrator_stub.settings.yamlfile import read_document


def load_scripts(path: Path) -> tuple[Script, ...]:
    """Scripts of the file, in its order.

    :raises SettingsError: it cannot be read, is neither YAML nor JSON, or a script in it is not understood; one
        sentence that names line and key and says what would be right
    """
    return read_document("--scripts", path).parsed(parse_scripts)
