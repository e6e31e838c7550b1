"""Scripts as sentences: what they tell the stub, and what becomes of jobs."""

from __future__ import annotations

import pytest

from orchestrator_stub.testing.exchange import StubError
from orchestrator_stub.testing.server import stub_server


def test_a_sentence_is_a_script(bacalhau_stub):
    """What was written would not be what is played."""
    script = bacalhau_stub.on(
        name="a-*", task="train", label={"team": "x*"}, image="acme/train", type="batch", partition=3, attempt=1,
        optional=True,
    )
    script.log("begins").log("goes on").after("4s", jitter=1).err("Killed").file("outputs/a.csv", "1\n").exit(137)
    (told,) = bacalhau_stub._exchange.get("/stub/scripts")
    assert told == {
        "match": {
            "name": "a-*", "task": "train", "label": {"team": "x*"}, "image": "acme/train", "type": "batch",
            "partition": 3, "attempt": 1,
        },
        "stages": [
            {"stdout": "begins\ngoes on\n"},
            {"after": 4.0, "jitter": 1.0, "stderr": "Killed\n", "files": {"outputs/a.csv": "1\n"}, "exit": 137},
        ],
        "optional": True,
        "hits": 0,
    }  # fmt: skip


def test_every_end_is_played(bacalhau_stub, submit, state):
    """One of the ways in which a job ends could not be rehearsed."""
    bacalhau_stub.on(image="ends:1").exit(3)
    bacalhau_stub.on(image="fails:1").fail("no such device")
    bacalhau_stub.on(image="hangs:1").hang()
    bacalhau_stub.on(image="just-runs:1").log("x")
    jobs = [submit(image=image) for image in ("ends:1", "fails:1", "hangs:1", "just-runs:1")]
    bacalhau_stub.clock.run_until_idle()
    assert [state(job_id) for job_id in jobs] == ["Completed", "Failed", "Running", "Completed"]
    bacalhau_stub.on(image="lost:1").after(60).node_lost()
    submit(image="lost:1")
    bacalhau_stub.clock.advance("10m")
    assert "DISCONNECTED" in [node.facts["connection"].upper() for node in bacalhau_stub.nodes]


def test_bytes_are_left_behind_as_they_are(bacalhau_stub, submit):
    """A file that is no text would be another one."""
    content = bytes(range(256))
    bacalhau_stub.on().file("outputs/all.bin", content)
    publisher = {"Type": "s3", "Params": {"Bucket": "results", "Key": "out/", "Encoding": "plain"}}
    submit(results=["outputs"], publisher=publisher)
    bacalhau_stub.clock.run_until_idle()
    assert bacalhau_stub.s3.read("s3://results/out/") == content


def test_hits_are_counted_whatever_is_added_later(bacalhau_stub, submit):
    """A script that was played would be reported as unused, because another one came."""
    first = bacalhau_stub.on(image="first:1").exit(0)
    submit(image="first:1")
    second = bacalhau_stub.on(image="second:1").exit(0)
    assert (first.hits, second.hits) == (1, 0)
    submit(image="second:1")
    submit(image="first:1")
    assert (first.hits, second.hits) == (2, 1)


def test_the_first_match_counts_and_those_of_a_file_come_last(tmp_path, submit):
    """A test could not override what the project's file says."""
    file = tmp_path / "scripts.yaml"
    file.write_text("- {match: {image: acme/*}, stages: [{exit: 9}]}\n")
    with stub_server("--scripts", str(file)) as stub:
        stub.on(image="acme/clean").exit(1)
        stub.on(image="acme/*").exit(2)
        shown = [(each["match"]["image"], each["stages"][0].get("exit")) for each in stub._exchange.get("/stub/scripts")]
        assert shown == [("acme/clean", 1), ("acme/*", 2), ("acme/*", 9)]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda stub: stub.on(task="a").exit(999), r"\[0\].stages\[0\].exit: 999 is no exit code"),
        (lambda stub: stub.on(attempt=0), r"\[0\].match.attempt: 0 is no whole number from 1 on"),
        (lambda stub: stub.on(task="a").after("soon"), "soon is no duration"),
        (lambda stub: stub.on(task="a").file("a.csv", "1"), "a file is called RESULT/PATH"),
    ],
)
def test_what_is_not_understood_is_refused_where_it_is_written(bacalhau_stub, wrong, words):
    """A typo would show up as a job that no script matched."""
    with pytest.raises(StubError, match=words):
        wrong(bacalhau_stub)
    bacalhau_stub.reset()


def test_nothing_comes_after_the_end(bacalhau_stub):
    """A stage that is never played would stand in a test."""
    script = bacalhau_stub.on(task="a", optional=True).after("1m").exit(3)
    for more in (script.exit, lambda: script.log("x"), lambda: script.after("1m")):
        with pytest.raises(ValueError, match=r"on\(task='a'\).after\('1m'\).exit\(3\) has ended already"):
            more()


def test_a_script_reads_as_it_was_written(bacalhau_stub):
    """A report would not say which script it is about."""
    script = bacalhau_stub.on(image="a", optional=True).log("x").after("1m").file("outputs/a", b"").err("y").hang()
    assert repr(script) == "on(image='a').log('x\\n').after('1m').file('outputs/a', ...).err('y\\n').hang()"
