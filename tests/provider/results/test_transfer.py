"""Copying one object: what happens when a try fails."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from airflow_provider_bacalhau.errors import ResultError
from airflow_provider_bacalhau.results.transfer import Answer, Interrupted, Pace, Policy, copy

DATA = bytes(range(100))


class Flaky:
    """Serves DATA; each entry of `plan` says how many bytes one try brings, or what it raises."""

    what = "s3://b/k"

    def __init__(self, *plan, validator='"v1"', fresh=0):
        self.plan = list(plan)
        self.validator = validator
        self.fresh = fresh
        self.offsets = []

    @contextmanager
    def open(self, offset, validator):
        self.offsets.append(offset)
        step = self.plan.pop(0) if self.plan else len(DATA)
        if isinstance(step, Exception):
            raise step
        yield Answer(offset, len(DATA), self.validator, iter([DATA[offset : offset + step]]))

    def renew(self):
        self.fresh -= 1
        return self.fresh >= 0


@pytest.fixture
def run(tmp_path):
    def start(opener, clock=lambda: 0.0, deadline=None, **policy):
        start.pauses, start.notes = [], []
        pace = Pace(clock, start.pauses.append, deadline)
        size = copy(opener, tmp_path / "x", policy=Policy(**policy), pace=pace, note=start.notes.append)
        assert (tmp_path / "x").read_bytes() == DATA
        return size

    return start


def test_a_cut_download_goes_on_where_it_stopped(run):
    """A large result would start again and again, and never arrive."""
    opener = Flaky(40, 30)
    assert run(opener) == 100
    assert opener.offsets == [0, 40, 70]
    assert "going on at byte 40" in run.notes[0]


def test_without_a_validator_it_starts_again(run):
    """Halves of two different objects would be glued together."""
    opener = Flaky(40, validator="")
    run(opener)
    assert opener.offsets == [0, 0]


def test_a_changed_object_starts_again(run):
    """As above, when the server notices it."""
    opener = Flaky(40, Interrupted("changed", "changed"))
    run(opener)
    assert opener.offsets == [0, 40, 0]


def test_tries_without_progress_are_bounded_and_slow_down(run):
    """A dead node would hold the task for ever, or be hammered."""
    opener = Flaky(*[Interrupted("no answer")] * 9)
    with pytest.raises(ResultError, match="after 5 tries: no answer"):
        run(opener)
    assert run.pauses == [1.0, 2.0, 4.0, 8.0]


def test_progress_forgives_earlier_failures(run):
    """A long download over a bad line would give up although it advances."""
    assert run(Flaky(*[10, Interrupted("x")] * 9), attempts=3) == 100


def test_all_requests_together_are_bounded(run):
    """A server that sends one byte at a time would never be left."""
    with pytest.raises(ResultError, match="in 7 requests"):
        run(Flaky(*[1] * 50), requests=7)


def test_an_expired_url_is_renewed_without_a_pause(run):
    """Downloads longer than 15 minutes would fail."""
    opener = Flaky(40, Interrupted("403", "expired"), fresh=1)
    run(opener)
    assert opener.offsets == [0, 40, 40]
    assert any("fresh" in note for note in run.notes)


def test_renewing_is_bounded(run):
    """A signer with wrong credentials would be asked for ever."""
    with pytest.raises(ResultError, match="403"):
        run(Flaky(*[Interrupted("403", "expired")] * 9, fresh=9))
    with pytest.raises(ResultError, match="403"):
        run(Flaky(Interrupted("403", "expired"), fresh=0))


def test_too_large_objects_are_refused(run):
    """The disk would fill up."""
    with pytest.raises(ResultError, match="larger than 99 bytes"):
        run(Flaky(), max_bytes=99)


def test_the_time_is_bounded(run):
    """Reading a log after the verdict would delay the task."""
    times = iter(range(100))
    with pytest.raises(ResultError, match="time given"):
        run(Flaky(*[1] * 50), clock=lambda: float(next(times)), deadline=5.0)
