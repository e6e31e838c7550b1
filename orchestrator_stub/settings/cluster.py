"""The file of `--nodes`: a cluster to play, node by node or in groups that are alike (design 5).

    nodes:
    - {name: edge, count: 40, cpu: 8, memory: 32GB, labels: {region: eu}, behaviour: {slow: 2s}}
    - {name: gpu-1, cpu: 64, memory: 512GB, gpu: 8, engines: [docker], publishers: [s3]}
"""

from __future__ import annotations

from pathlib import Path

from orchestrator_stub.domain.shape import NodeShape
from orchestrator_stub.domain.shapereading import parse_cluster
from orchestrator_stub.settings.yamlfile import read_document


def load_cluster(path: Path) -> tuple[NodeShape, ...]:
    """The nodes of the file, in its order, at least one.

    :raises SettingsError: it cannot be read, is neither YAML nor JSON, or a node in it is not understood; one sentence
        that names line and key and says what would be right
    """
    return read_document("--nodes", path).parsed(parse_cluster)
