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
    UINT32,
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
        Field("Texts", ListOf("[]string", STRING)),
        Field("Size", UINT32),
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


def test_null_undoes_lists_and_maps_and_is_nothing_where_there_was_nothing():
    """`"Constraints": null` after a list would keep the list, `"Namespace": null` would be another namespace than none."""
    text = '{"List":[{}],"List":null,"Labels":{"a":"b"},"Labels":null,"Any":{"a":1},"Any":null,"Name":null}'
    assert read(text) == {"List": None, "Labels": None, "Any": None}
    assert read('{"Labels":{"a":"x","a":null}}') == {"Labels": {"a": ""}}


def test_a_repeated_list_is_read_over_the_first_one():
    """Two lists of tasks in one job would give other tasks than on a real server."""
    assert read('{"List":[{"Name":"a"},{"Count":1}],"List":[{"Count":2}]}') == {"List": [{"Name": "a", "Count": 2}]}


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


@pytest.mark.parametrize(
    ("number", "offset"), [("1e999", 18), ("-1e999", 19), ("9" * 5000, 5013)]
)
def test_an_untyped_number_beyond_every_float_is_named(number, offset):
    """A parameter of 1e999 would be a traceback, or infinite."""
    with pytest.raises(BindError) as caught:
        read(f'{{"Any":{{"a":{number}}},"what":1e999}}')
    assert str(caught.value) == (
        f"code=400, message=Unmarshal type error: expected=float64, got=number {number}, field=Any, offset={offset}, "
        f"internal=json: cannot unmarshal number {number} into Go struct field Outer.Any of type float64"
    )


def test_a_negative_zero_is_no_size():
    """-0 would be taken where real servers refuse it."""
    with pytest.raises(BindError, match="expected=uint32, got=number -0, field=Size, offset=10"):
        read('{"Size":-0}')


def test_parameters_that_nest_too_deep_are_refused_and_unknown_keys_may():
    """A deep value would end in a traceback where it is kept, or be refused where nobody looks at it."""
    deep = "[" * 900 + "]" * 900
    assert read(f'{{"what":{deep},"Name":"a"}}') == {"Name": "a"}
    with pytest.raises(BindError, match=r"message=Syntax error: offset=\d+, error=invalid character '\[' exceeded max depth"):
        read(f'{{"Any":{{"a":{deep}}}}}')


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
