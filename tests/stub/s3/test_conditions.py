"""Conditions and ranges in the form in which moto draws AWS's conclusions."""

from __future__ import annotations

import pytest

from orchestrator_stub.s3.conditions import Question, questions, told, verdict
from orchestrator_stub.s3.errors import Refusal
from orchestrator_stub.s3.request import read_request


def request(method="GET", target="/b/k", **headers):
    """A request with these headers."""
    sent = {"host": "localhost", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return read_request(method, target, [(name.encode(), value.encode()) for name, value in sent.items()], ())


def seen(method="GET", **headers):
    """What moto is told of these headers."""
    asked = request(method, **headers)
    return dict(told(asked, asked.headers[1:]))


@pytest.mark.parametrize(("value", "passes"), [("bytes=0-1", True), ("bytes=5-", True), ("bytes=-3", True), ("bytes=0-1,3-4", False), ("items=0-1", False), ("0-1", False), ("bytes=-", False)])
def test_ranges_that_aws_passes_over(value, passes):
    """The server would fail, or answer a part where AWS answers all."""
    assert ("range" in seen(range=value)) is passes


def test_etags_with_and_without_quotes():
    """A condition that holds on AWS would fail."""
    assert seen("HEAD", if_match="abc", if_none_match='W/"x"') == {"if-match": '"abc"', "if-none-match": '"x"'}
    assert seen(if_match="*") == {}


def test_a_time_does_not_decide_where_an_etag_does():
    """S3's documentation: If-Match true and If-Unmodified-Since false is 200; If-None-Match decides before a time."""
    old = "Wed, 01 Jan 2025 12:00:00 GMT"
    assert set(seen(if_match="a", if_unmodified_since=old)) == {"if-match"}
    assert set(seen(if_none_match="a", if_modified_since=old)) == {"if-none-match"}


def test_times_in_other_forms():
    """A date that is none would be an error of the server."""
    assert seen(if_modified_since="Wed, 01 Jan 2025 14:00:00 +0200") == {"if-modified-since": "Wed, 01 Jan 2025 12:00:00 GMT"}
    assert seen(if_modified_since="Wed, 01 Jan 2025 12:00:00 -0000") == {"if-modified-since": "Wed, 01 Jan 2025 12:00:00 GMT"}
    assert seen(if_modified_since="yesterday") == {}


def test_writes_know_only_some_conditions():
    """A write with a condition that AWS does not know would happen without it."""
    assert seen("PUT", if_none_match="*") == {"if-none-match": "*"}
    for headers in ({"if_none_match": '"abc"'}, {"if_match": '"abc"', "if_none_match": "*"}):
        with pytest.raises(Refusal) as refused:
            seen("PUT", **headers)
        assert refused.value.status == 501


def asked(method, target="/b/k", **headers):
    """What is asked before."""
    found = request(method, target, **headers)
    return list(questions(found, target, found.headers))


def test_what_is_asked_before_a_copy():
    """A copy would be made whatever its source is."""
    assert asked("PUT", x_amz_copy_source="a/k%20%C3%BC?versionId=1", x_amz_copy_source_if_match="e") == [
        Question("/a/k%20%C3%BC?versionId=1", "if-match", '"e"', "x-amz-copy-source-If-Match")
    ]
    assert asked("PUT", x_amz_copy_source="/a/k", if_none_match="*") == [Question("/b/k", "", "", "If-None-Match", wants_nothing=True)]
    assert asked("PUT", x_amz_copy_source="/a/k") == asked("PUT", if_none_match="*") == asked("GET", if_match="e") == []


def test_what_is_asked_before_an_upload_is_completed():
    """An object that changed meanwhile would be overwritten."""
    assert asked("POST", "/b/k?uploadId=u", if_match="e") == [Question("/b/k", "if-match", '"e"', "If-Match")]


@pytest.mark.parametrize(
    ("question", "status", "code"),
    [
        (Question("/a/k", "if-match", "e", "x-amz-copy-source-If-Match"), 412, "PreconditionFailed"),
        (Question("/a/k", "if-none-match", "e", "x-amz-copy-source-If-None-Match"), 304, "PreconditionFailed"),
        (Question("/a/k", "if-match", "e", "x-amz-copy-source-If-Match"), 404, None),
        (Question("/a/k", "if-match", "e", "If-Match"), 404, "NoSuchKey"),
        (Question("/a/k", "if-match", "e", "If-Match"), 200, None),
        (Question("/a/k", "", "", "If-None-Match", wants_nothing=True), 200, "PreconditionFailed"),
        (Question("/a/k", "", "", "If-None-Match", wants_nothing=True), 404, None),
    ],
)
def test_what_the_answers_mean(question, status, code):
    """A condition would be turned round."""
    refusal = verdict(question, status)
    assert (refusal.code if refusal else None) == code
