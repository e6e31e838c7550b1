"""Decoding driven by tables, against what real servers said about 800 submissions."""

from __future__ import annotations

import base64
import json

import pytest

from orchestrator_stub.wire import schema
from orchestrator_stub.wire.unmarshal import (
    BOOL,
    INT,
    STRING,
    STRINGS,
    BindError,
    Field,
    ListOf,
    Struct,
    Untyped,
    unmarshal,
)

INNER = Struct("models.Inner", (Field("Name", STRING), Field("Count", INT)))
OUTER = Struct(
    "models.Outer",
    (
        Field("Name", STRING),
        Field("On", BOOL),
        Field("Labels", STRINGS),
        Field("Inner", INNER, pointer=True),
        Field("List", ListOf("[]*models.Inner", INNER)),
        Field("Any", Untyped()),
    ),
)


def read(text, into=None):
    """Decode a text as OUTER."""
    return unmarshal(text.encode(), OUTER, into if into is not None else {})


def test_keys_match_in_any_case_and_unknown_ones_are_ignored():
    """A client with lower-case keys would submit an empty job."""
    assert read('{"NAME":"a","inner":{"COUNT":2},"what":[1]}') == {"Name": "a", "Inner": {"Count": 2}}


def test_the_last_of_several_wins_and_structs_are_merged():
    """Repeated keys would be read unlike a real server reads them."""
    text = '{"Name":"a","name":"b","Labels":{"x":"1"},"Labels":{"y":"2"},"Inner":{"Name":"n"},"Inner":{"Count":1}}'
    assert read(text) == {"Name": "b", "Labels": {"x": "1", "y": "2"}, "Inner": {"Name": "n", "Count": 1}}


def test_null_empties_pointers_and_leaves_plain_fields_alone():
    """`"Publisher": null` would be a type error, or undo an earlier value."""
    assert read('{"Name":"a","Name":null,"Inner":{"Name":"n"},"Inner":null,"List":[null]}') == {
        "Name": "a",
        "Inner": None,
        "List": [None],
    }


def test_what_follows_the_first_value_is_not_looked_at():
    """A body with a trailing newline or a second document would be refused."""
    assert read('{"Name":"a"} {"Name":"b"} x') == {"Name": "a"}


def test_the_first_misfit_is_reported_with_type_path_and_offset():
    """The 400 would not say what is wrong and where."""
    with pytest.raises(BindError) as caught:
        read('{"Inner":{"Count":"x"},"On":1}')
    assert str(caught.value) == (
        "code=400, message=Unmarshal type error: expected=int, got=string, field=Inner.Count, offset=21, "
        "internal=json: cannot unmarshal string into Go struct field Inner.Inner.Count of type int"
    )


@pytest.mark.parametrize("number", ["1.5", "1e3", "99999999999999999999"])
def test_a_number_that_is_no_integer_of_the_type_is_named(number):
    """A fraction would be cut silently."""
    with pytest.raises(BindError, match=f"expected=int, got=number {number}, field=Inner.Count"):
        read(f'{{"Inner":{{"Count":{number}}}}}')


def test_untyped_values_keep_their_structure():
    """Engine parameters would lose a level."""
    assert read('{"Any":{"a":[1,{"b":null}],"a":2.5}}') == {"Any": {"a": 2.5}}


@pytest.mark.parametrize("scenario", ["26", "27", "29"])
def test_every_recorded_submission_is_read_or_refused_like_the_real_server_did(release, steps, scenario):
    """A message, path or offset of some type error would differ from the recorded one."""
    seen = {}
    for step in steps(scenario).values():
        body = body_of(step["request"])
        if body is None:
            continue
        recorded = json.loads(step["body"]).get("Message", "") if step["status"] == 400 else ""
        want = recorded if recorded.startswith("code=400") else ""
        try:
            unmarshal(body, schema.put_job(release.name), {})
            got = ""
        except BindError as refused:
            got = str(refused)
        seen[step["id"]] = (want, got)
    assert len(seen) > 10
    assert {name: pair for name, pair in seen.items() if pair[0] != pair[1]} == {}


def body_of(request):
    """The bytes of a recorded submission; None for other requests."""
    if request["method"] not in ("PUT", "POST"):
        return None
    if "body" in request:
        return json.dumps(request["body"], separators=(",", ":")).encode()
    if "raw" in request:
        return request["raw"].encode()
    return base64.b64decode(request["raw_base64"]) if "raw_base64" in request else None
