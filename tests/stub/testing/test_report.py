"""What a failed test shows of its stub."""

from __future__ import annotations


def test_jobs_scripts_faults_and_requests_are_shown(bacalhau_stub, submit, look):
    """Whoever sees a test fail would have to run it again to learn why."""
    bacalhau_stub.on(image="acme/clean:*").exit(137)
    bacalhau_stub.on(image="acme/other", optional=True).exit(0)
    bacalhau_stub.fault("GET", "*/nodes", "delay", seconds=0)
    clean, claen = submit(Name="clean"), submit(image="acme/claen:1.4")
    look("/api/v1/orchestrator/nodes?limit=1")
    head, first, *rest = bacalhau_stub.report().splitlines()
    assert head == f"stub 1.9.3 at {bacalhau_stub.url}, clock auto at 2025-01-01 00:00:00"
    assert first == f"job {clean} clean: Completed; exit code 137"
    assert rest[0].startswith(f"job {claen}: Failed; ")
    text = "\n".join(rest)
    assert "no script matched (image acme/claen:1.4); nearest: acme/clean:* (differs in image)" in text
    assert "played 1 time: on(image='acme/clean:*').exit(137)\nplayed 0 times: on(image='acme/other').exit(0)\n" in text
    assert "met 1 time: fault('GET', '*/nodes', 'delay', nth=1, times=1, seconds=0.0) f-1\njournal\n" in text
    assert rest[-1].endswith("GET    /api/v1/orchestrator/nodes?limit=1 -> 200  [f-1 delay]")


def test_looking_changes_nothing(bacalhau_stub, submit, look):
    """The report would show the world after the failure, not the failure."""
    bacalhau_stub.on().after("1h").exit(0)
    submit()
    reports = [bacalhau_stub.report() for _ in range(3)]
    assert reports[0] == reports[1] == reports[2]
    assert ": Running" in reports[0]
    assert bacalhau_stub.clock.mode == "auto"


def test_a_long_journal_is_cut(bacalhau_stub, look):
    """A test that polls would bury its failure."""
    assert bacalhau_stub.report().endswith("no job was submitted\njournal: no request")
    for _ in range(5):
        look("/api/v1/agent/alive")
    lines = bacalhau_stub.report(last=2).splitlines()
    assert lines[-3] == "journal (the last 2 of 5 requests)"
    assert [line.split()[0] for line in lines[-2:]] == ["5", "6"]  # the handle took the first
