"""Refusals look like AWS's."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from orchestrator_stub.s3.errors import Refusal, access_denied, invalid_argument, not_implemented, precondition_failed


def members(refusal):
    """The elements of a refusal's body."""
    return [(each.tag, each.text) for each in ET.fromstring(refusal.body("0123456789ABCDEF"))]


def test_clients_find_code_sentence_and_members():
    """Whatever reads AWS's errors could not tell what went wrong."""
    refusal = access_denied("Request has expired", ("X-Amz-Expires", "900"))
    assert (refusal.status, members(refusal)[:4]) == (
        403,
        [("Code", "AccessDenied"), ("Message", "Request has expired"), ("X-Amz-Expires", "900"), ("RequestId", "0123456789ABCDEF")],
    )
    assert refusal.body("X").startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>')
    assert len(members(refusal)[-1][1]) == 76


def test_what_a_client_sent_cannot_break_the_document():
    """A header with markup or control characters would make the answer unreadable."""
    refusal = Refusal(400, "C", "<&>\"'", (("A", "a\x00\nb\ud800"),))
    assert members(refusal)[1:3] == [("Message", "<&>\"'"), ("A", "a?\nb?")]


def test_the_argument_that_is_wrong_is_named():
    """A client would have to guess which header to change."""
    assert members(invalid_argument("no", "Authorization", "x"))[2:4] == [("ArgumentName", "Authorization"), ("ArgumentValue", "x")]
    assert members(invalid_argument("no", "Authorization", None))[2][0] == "ArgumentName"
    assert (not_implemented("Transfer-Encoding").status, members(not_implemented("Range"))[2]) == (501, ("Header", "Range"))
    assert (precondition_failed("If-Match").status, members(precondition_failed("If-Match"))[2]) == (412, ("Condition", "If-Match"))
