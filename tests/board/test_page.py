"""The board in a real browser: what a person sees and can do."""

from __future__ import annotations

import time

import pytest

pytestmark = pytest.mark.timeout(120)
WIDE, NARROW = 1600, 400
OVERFLOWS = "document.documentElement.scrollWidth > document.documentElement.clientWidth + 1"


def test_jobs_appear_by_themselves_and_open_with_all_about_them(page, serve):
    """A person would have to reload, or find no answer to why a job failed."""
    stub = serve("--docker-runner", "sandbox")
    page.open(stub.board)
    page.wait("document.body.innerText.includes('No job here yet')")
    job = stub.submit("broken", "echo hello; echo went wrong >&2; exit 3")
    page.wait("document.body.innerText.includes('broken')")
    page.click("main tbody a.id")
    page.wait("document.getElementById('log-stderr')?.textContent.includes('went wrong')")
    text = page.text()
    assert job in text
    assert "hello" in text
    assert "exit 3" in text
    assert "Submission" in text
    assert page.errors == []


def test_a_log_grows_while_the_job_runs(page, serve):
    """A log that stands still looks like a program that hangs."""
    stub = serve("--docker-runner", "sandbox")
    job = stub.submit("talker", "n=0; while [ $n -lt 500 ]; do n=$((n+1)); echo line $n; sleep 0.2; done")
    page.open(f"{stub.board}#/jobs/{job}")
    page.wait("document.getElementById('log-stdout')?.textContent.includes('line 2')")
    seen = page.look("document.getElementById('log-stdout').textContent.length")
    page.wait(f"document.getElementById('log-stdout').textContent.length > {seen}")
    lines = page.look("document.getElementById('log-stdout').textContent").splitlines()
    assert lines == [f"line {number}" for number in range(1, len(lines) + 1)]
    page.click("#stop")
    page.wait("document.querySelector('main .state').textContent === 'Stopped'")


def test_the_clock_is_moved_by_a_button(page, serve):
    """A job that waits for a virtual hour would wait for ever."""
    stub = serve("--docker-runner", "scripted", "--clock", "virtual")
    stub.ask("PUT", "/stub/scripts", [{"match": {}, "stages": [{"after": "50m", "exit": 0}]}])
    job = stub.submit("slow")
    page.open(f"{stub.board}#/jobs/{job}")
    page.wait("document.querySelector('main .state')?.textContent === 'Running'")
    page.look("document.getElementById('step').value = '3600'")
    page.press("a")
    page.wait("document.querySelector('main .state').textContent === 'Completed'")
    assert page.look("document.getElementById('now').textContent").startswith("2025-01-01 01:")


def test_a_real_clock_has_no_button(page, serve):
    """The button would only give an error."""
    stub = serve("--docker-runner", "scripted")
    page.open(stub.board)
    page.wait("document.getElementById('mode').textContent === 'clock: real'")
    assert page.look("document.getElementById('moves').hidden")


def test_nodes_faults_and_journal(page, serve):
    """What the stub can do would only be known to those who read the code."""
    stub = serve("--docker-runner", "scripted", "--clock", "virtual")
    stub.submit("one")
    page.open(f"{stub.board}#/nodes")
    page.wait("document.querySelectorAll('main .card').length === 3")
    page.click("main .card button[id^=drop]")
    page.click("main .card button[id^=rejoin]")
    page.click("main .card button[id^=freeze]")
    page.click("main .card button[id^=thaw]")
    page.open(f"{stub.board}#/faults")
    page.wait("document.body.innerText.includes('No fault is set')")
    page.click("form.new button")
    page.wait("document.querySelectorAll('main tbody tr').length === 1")
    assert "drop_reply" in page.text()
    page.click("button[id^=remove]")
    page.wait("document.body.innerText.includes('No fault is set')")
    page.open(f"{stub.board}#/journal")
    page.wait("document.body.innerText.includes('/api/v1/orchestrator/jobs')")
    assert page.errors == []


def test_names_of_jobs_are_text(page, serve):
    """A job's name or output could run scripts in the user's browser."""
    stub = serve("--docker-runner", "sandbox")
    attack = "<img src=x onerror=document.title='taken'>"
    job = stub.submit("x", f"echo \"{attack}\"; exit 1", Labels={"note": "a"}, Meta={"note": attack})
    page.open(f"{stub.board}#/jobs/{job}")
    page.wait("document.getElementById('log-stdout')?.textContent.includes('onerror')")
    assert "taken" not in page.look("document.title")
    assert page.look("document.querySelectorAll('main img').length") == 0


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_nothing_is_cut_off(page, serve, width, dark):
    """On a phone or a wide screen parts of the page would be out of reach."""
    stub = serve("--docker-runner", "scripted")
    job = stub.submit("a-name-that-is-much-longer-than-any-phone-is-wide-" + "x" * 60, Labels={"key": "v" * 60})
    stub.submit("nowhere", Constraints=[{"Key": "region", "Operator": "=", "Values": ["eu"]}])
    page.resize(width, dark=dark)
    for view in ("jobs", f"jobs/{job}", "nodes", "journal", "faults", "scripts"):
        page.open(f"{stub.board}#/{view}")
        page.wait("document.getElementById('main').children.length > 0")
        assert not page.look(OVERFLOWS), view
    background = page.look("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, background[4:-1].split(","))) < 200) is dark


def test_all_is_reached_by_keys(page, serve):
    """Who cannot use a mouse could not use the page."""
    stub = serve("--docker-runner", "scripted")
    jobs = [stub.submit(f"job-{number}") for number in range(3)]
    page.open(stub.board)
    page.wait("document.querySelectorAll('main tbody tr').length === 3")
    page.press("j", "j", "Enter")
    page.wait(f"document.body.innerText.includes('{jobs[1]}')")
    page.press("Escape")
    page.wait("document.querySelectorAll('main tbody tr').length === 3")
    page.press("/", *"job-2")
    page.wait("document.querySelectorAll('main tbody tr').length === 1")
    page.press("Escape")
    page.press("2")
    page.wait("document.querySelectorAll('main .card').length === 3")
    assert page.errors == []


def test_ten_thousand_jobs_are_found_at_once(page, serve):
    """A board that hangs on a day's work is no board."""
    stub = serve("--docker-runner", "scripted", "--nodes", "0")
    stub.submit_many(10_000)
    page.open(stub.board)
    page.wait("document.body.innerText.includes('1 to 100 of 10000')")
    page.click("#older")
    page.wait("document.body.innerText.includes('101 to 200 of 10000')")
    start = time.monotonic()
    page.look("(s => { s.value = 'many-7777'; s.dispatchEvent(new Event('input')); })(document.getElementById('search'))")
    page.wait("document.querySelectorAll('main tbody tr').length === 1")
    assert time.monotonic() - start < 5
    longest = page.look(
        "new Promise(done => { let last = performance.now(), worst = 0, left = 120;"
        "const beat = () => { const now = performance.now(); worst = Math.max(worst, now - last); last = now;"
        "left-- ? setTimeout(beat, 16) : done(worst); }; beat(); })"
    )
    assert longest < 1000, "the page stood still"
