"""The file of `--nodes`: a cluster to play, and the one sentence that anything else gets."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from orchestrator_stub.cli import main
from orchestrator_stub.domain.errors import SettingsError
from orchestrator_stub.domain.shape import Behaviour, NodeShape
from orchestrator_stub.settings.cluster import load_cluster
from orchestrator_stub.settings.flags import parse

KEYS = "name, count, labels, cpu, memory, disk, gpu, engines, publishers and behaviour"


@pytest.fixture
def write(tmp_path):
    """Writes a cluster file, and gives its path."""

    def write(text, name="cluster.yaml"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_the_documented_file(write):
    """What the documentation shows would be refused or understood otherwise."""
    path = write(
        "nodes:\n"
        "- {name: edge, count: 2, cpu: 8, memory: 32GB, labels: {region: eu}, behaviour: {slow: 2s}}\n"
        "- {name: gpu-1, cpu: 64, memory: 512GB, gpu: 8, engines: [docker], publishers: [s3]}\n"
    )
    slow, labels = Behaviour(slow=2.0), {"region": "eu"}
    assert load_cluster(path) == (
        NodeShape("edge-1", labels, 8.0, 32 * 10**9, behaviour=slow),
        NodeShape("edge-2", labels, 8.0, 32 * 10**9, behaviour=slow),
        NodeShape("gpu-1", {}, 64.0, 512 * 10**9, gpu=8, engines=("docker",), publishers=("s3",)),
    )


def test_json_is_a_cluster_file_too(write):
    """A file that a program wrote would be refused."""
    path = write('{"nodes": [\n  {"name": "a"}\n]}', "cluster.json")
    assert load_cluster(path) == (NodeShape("a"),)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "nodes:\n- name: a\n- name: b\n  memroy: 1GB\n",
            f"line 4: nodes[1].memroy: unknown key; did you mean memory? known are {KEYS}",
        ),
        (
            "nodes:\n- name: a\n  memory: 64GX\n",
            "line 3: nodes[0].memory: 64GX is no amount of bytes; give one such as 64GB, 512Mi or 64000000000",
        ),
        (
            "nodes:\n- name: a\n- name: b\n- {cpu: 1,\n   name: a}\n",
            "line 5: nodes[2].name: a stands there twice; each node has a name of its own",
        ),
        (
            "nodes:\n- {name: a, count: 2}\n- name: a-2\n",
            "line 3: nodes[1].name: a-2 stands there twice; each node has a name of its own",
        ),
        (
            "nodes:\n- name: a\n  behaviour:\n    lossy: 1.5\n",
            "line 4: nodes[0].behaviour.lossy: 1.5 is no share; give a number from 0 to 1, such as 0.1",
        ),
        ("nodes: []\n", "line 1: nodes: there are no nodes; describe at least one, such as {name: edge-1}"),
        ("nodes:\n", "line 1: nodes: give a list of nodes, such as [{name: edge-1, cpu: 8, memory: 32GB}]"),
        ("", "a cluster is a mapping with the key nodes"),
        ("nodes: []\nnode: 1\n", "line 2: node: unknown key; did you mean nodes? known is nodes"),
        ("nodes:\n- name: a\n  name: b\n", "line 3: name stands there twice"),
        (
            "nodes:\n- {name: a, count: 999}\n- {name: b, count: 2}\n",
            "line 3: nodes[1]: the nodes become too many here; there are at most 1,000",
        ),
    ],
)
def test_a_bad_file_names_line_key_and_what_would_be_right(write, capsys, text, sentence):
    """A cluster other than the one that somebody meant would be played, or the error would have to be searched for."""
    path = write(text)
    with pytest.raises(SettingsError) as wrong:
        load_cluster(path)
    assert str(wrong.value) == f"--nodes {path}: {sentence}"
    assert main(["serve", "--nodes", str(path)]) == 2
    assert capsys.readouterr().err == f"bacalhau-stub: --nodes {path}: {sentence}\n"


def test_the_flag_takes_a_number_or_a_file(write):
    """A number would be looked for as a file, or a file not be found."""
    path = write("nodes: [{name: a}, {name: b}]")
    settings = parse(["--nodes", str(path)])
    assert (settings.nodes, [shape.name for shape in settings.cluster]) == (2, ["a", "b"])
    settings = parse(["--nodes", "12"])
    assert (settings.nodes, settings.cluster) == (12, ())
    for text, words in (("1001", "at most 1000"), ("-1", "no such file"), ("c.yaml", "give a number of nodes, or")):
        with pytest.raises(SettingsError, match=words):
            parse([f"--nodes={text}"])


def test_the_cluster_in_the_readme_is_understood(write):
    """Whoever copies it would get an error."""
    readme = (Path(__file__).parents[3] / "README.md").read_text()
    text = readme[readme.index("    nodes:\n") :].split("\n\n", 1)[0]
    shapes = load_cluster(write(textwrap.dedent(text)))
    assert len(shapes) == 42
    assert {shape.behaviour for shape in shapes} == {
        Behaviour(slow=2.0, lossy=0.05), Behaviour(), Behaviour(rejecting="no room for strangers")
    }
