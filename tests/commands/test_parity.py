"""`make parity`: what it plays, what it counts, what it writes."""

from __future__ import annotations

import json
import re

import parity
import pytest
from parity_report import Played, Sitting, report

REPORTED = re.compile(r"^\| (\S+) \| (\S*) ?\| (\d+) \| (\d+) \| (\d+) \|$", re.MULTILINE)


def test_everything_recorded_is_played():
    """A recording that no plan holds would never be compared, and the report would not say so."""
    planned = {(plan.release, scenario["file"]) for plan in parity.plans() for scenario in plan.scenarios}
    recorded = {
        (path.parent.name, path.stem)
        for release in parity.releases()
        for path in (parity.GOLDEN / release).glob("*.json")
        if "steps" in json.loads(path.read_text()) and path.stem != "71-docker-archive"
    }
    assert planned == recorded


def test_the_committed_report_is_of_all_recordings_and_without_a_difference():
    """The report would praise a run that left something out, or be older than the recordings."""
    rows = {(release, profile): tuple(map(int, rest)) for release, profile, *rest in REPORTED.findall(parity.REPORT.read_text())}
    expected = {(plan.release, plan.profile): len(plan.scenarios) for plan in parity.plans()}
    assert {key: scenarios for key, (scenarios, _, _) in rows.items() if key[0] != "all"} == expected
    assert all(differences == 0 for _, _, differences in rows.values())


def test_a_scenario_is_as_long_as_its_script_waits():
    """The share of `make test` would take minutes, or nothing."""
    script = {"steps": [{"settle_s": 2}, {"ws": "/x", "max_s": 3}, {"poll": {}}, {"settle_s": 9, "min_version": "1.8.0"}]}
    assert parity.seconds(script, "1.5.2") == pytest.approx(5 + 3 * parity.STEP_S + parity.POLL_S)
    assert parity.seconds(script, "1.9.3") > 14


def test_the_report_does_not_depend_on_who_was_ready_first():
    """The same result would give another file each time."""
    sittings = [
        Sitting("1.9.3", "plain", (Played("01-agent", 9),)),
        Sitting("1.5.2", "s3", (Played("42-s3", 53, ("[a] value /x: want 1, got 2",)),)),
    ]
    text = report(sittings)
    assert text == report(sittings[::-1])
    assert REPORTED.findall(text) == [
        ("1.5.2", "s3", "1", "53", "1"),
        ("1.9.3", "plain", "1", "9", "0"),
        ("all", "", "2", "62", "1"),
    ]
    assert "- 1.5.2 42-s3: [a] value /x: want 1, got 2" in text


def test_only_the_order_between_two_streams_is_free():
    """A lost line, or a line out of its own stream's order, would count as a race."""

    def frames(*lines):
        return [{"kind": "text", "newline": True, "data": {"value": {"Type": kind, "Line": line}}} for kind, line in lines]

    whole = parity.streams(frames((1, "a\n"), (2, "x\n"), (1, "b\n")))
    assert whole == parity.streams(frames((1, "a\nb\n"), (2, "x\n")))
    for other in (frames((1, "a\n"), (2, "x\n")), frames((1, "b\n"), (1, "a\n"), (2, "x\n")), frames((2, "a\nb\n"), (1, "x\n"))):
        assert parity.streams(other) != whole
    error = [{"kind": "text", "newline": True, "data": {"error": "gone", "value": {"Type": 0, "Line": ""}}}]
    assert parity.streams(error) != parity.streams([])


def test_a_lie_is_found(tmp_path, monkeypatch):
    """The comparison would pass whatever the stub says."""
    scenario = next(s for p in parity.plans("01-agent", "plain", "1.9.3") for s in p.scenarios)
    golden = json.loads(parity.recording("1.9.3", scenario).read_text())
    for step in golden["steps"]:
        if step["id"] == "alive":
            step["normal"]["body"]["json"]["Status"] = "ILL"
    (tmp_path / "1.9.3").mkdir()
    (tmp_path / "1.9.3" / "01-agent.json").write_text(json.dumps(golden))
    (tmp_path / "1.9.3" / "SERVER.json").write_text("{}")
    monkeypatch.setattr(parity, "GOLDEN", tmp_path)
    (plan,) = parity.plans("01-agent", "plain", "1.9.3")
    (played,) = parity.play(plan).played
    assert [text for text in played.differences if "want \"ILL\", got \"OK\"" in text] == list(played.differences) != []
