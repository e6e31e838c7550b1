"""Properties of bodies: whatever comes is a job or a refusal, and what is kept can be written, read and kept again."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzzer.campaign import RELEASES
from fuzzer.jobs import mutated, spoiled, valid_job
from fuzzer.values import encode
from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.normalise import normalise, sanitise
from orchestrator_stub.domain.release import RELEASES as TABLE
from orchestrator_stub.domain.validation import refuse_unstorable, validate
from orchestrator_stub.wire import schema
from orchestrator_stub.wire.gojson import dumps
from orchestrator_stub.wire.job import job_fields, parse_job
from orchestrator_stub.wire.shapes import shapes_of
from orchestrator_stub.wire.unmarshal import BindError, unmarshal

RELEASE = st.sampled_from(RELEASES).map(TABLE.__getitem__)
SEED = st.integers(0, 2**64)
OTHERS = (schema.STOP_JOB, schema.PUT_NODE, schema.RERUN_JOB, schema.LIST, schema.AUTHENTICATE)
PIECES = st.sampled_from(
    [b"{", b"}", b"[", b"]", b",", b":", b"null", b"true", b"-0", b"1e999", b'"', b'"Job":', b'"Tasks":', b'"Count":', b'"x"', b"\\", b"\xff",
     b'"Limit":', b'"reason":', b'"Engine":{"Params":', b" ", b"\0", b'"\\ud800"']
)
ANY_BYTES = st.binary(max_size=60) | st.lists(PIECES, max_size=20).map(b"".join)


def submission(seed, release, *, spoil):
    """A body for PUT /jobs: valid, mutated, or hardly JSON."""
    rng = random.Random(seed)
    tree = {"Job": valid_job(rng, release.name, 1)}
    if not spoil:
        return encode(tree, rng)
    body = encode(mutated(rng, tree), rng)
    return spoiled(rng, body) if rng.random() < 0.3 else body


def read(body, release):
    """The job of a body."""
    return parse_job(unmarshal(body, schema.put_job(release.name), {}).get("Job"), release)


@given(RELEASE, ANY_BYTES)
def test_any_bytes_are_read_or_refused(release, body):
    """Some body would be a traceback instead of a 400."""
    for structure in (schema.put_job(release.name), *OTHERS):
        try:
            assert isinstance(unmarshal(body, structure, {}), dict)
        except BindError as refused:
            assert str(refused).startswith("code=400, message=")


@given(RELEASE, SEED)
def test_any_submission_is_a_job_or_a_refusal(release, seed):
    """Some mistake in a job would be a traceback instead of a sentence."""
    try:
        job = read(submission(seed, release, spoil=True), release)
        problems = validate(job, release)
        if problems:
            assert all(problems)
            return
        kept = normalise(sanitise(job, release)[0], release)
        refuse_unstorable(kept)
    except (BindError, OrchestratorError):
        return
    assert json.loads(dumps(shapes_of(release).job(kept)))


@given(RELEASE, SEED)
def test_valid_jobs_have_no_problems(release, seed):
    """A job that real servers take would be refused."""
    job = read(submission(seed, release, spoil=False), release)
    assert validate(job, release) == []


@given(RELEASE, SEED, st.booleans())
def test_what_is_kept_is_kept_the_same_again(release, seed, spoil):
    """A job would change a little with every rerun, or count as changed when the same file is submitted again."""
    try:
        job = read(submission(seed, release, spoil=spoil), release)
    except (BindError, OrchestratorError):
        return
    if validate(job, release):
        return
    kept = normalise(sanitise(job, release)[0], release)
    assert normalise(kept, release) == kept
    if not release.page_shapes:
        again = read(dumps({"Job": job_fields(kept)}), release)
        assert normalise(sanitise(again, release)[0], release) == kept


@pytest.mark.parametrize("name", RELEASES)
def test_the_last_null_part_is_what_makes_a_job_panic(name):
    """A null task, constraint, input or path would be taken, or hidden by a mistake before it."""
    release = TABLE[name]
    task = {"Name": "a", "Engine": {"Type": "x"}}
    for job in (
        {"Tasks": [task, None]},
        {"Constraints": [None], "Tasks": [task]},
        {"Tasks": [task | {"InputSources": [None]}]},
        {"Tasks": [{"ResultPaths": [{}, None]}]},
    ):
        with pytest.raises(OrchestratorError) as refused:
            read(json.dumps({"Job": {"Type": "nonsense", **job}}).encode(), release)
        assert (refused.value.status, refused.value.component) == (500, "Unknown")
