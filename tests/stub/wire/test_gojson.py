"""JSON bytes as Go writes them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator_stub.wire.gojson import decode_text, dumps, number_text, plain, sorted_map, without_surrogates


def test_a_body_is_compact_and_ends_with_a_newline():
    """Every answer would differ in bytes from a real server's."""
    assert dumps({"b": [1, None, True], "a": ""}) == b'{"b":[1,null,true],"a":""}\n'


def test_html_and_line_separators_are_escaped():
    """Clients that compare bytes, and pages that embed JSON, would see unescaped text."""
    assert dumps("<a&b>\u2028\u2029é") == '"\\u003ca\\u0026b\\u003e\\u2028\\u2029é"\n'.encode()


def test_results_leave_ampersands_alone():
    """A pre-signed URL copied from the raw answer would not work."""
    assert dumps("http://h/?a=1&b=2\u2028", escape_html=False) == b'"http://h/?a=1&b=2\\u2028"\n'


def test_pretty_bodies_are_indented_by_two_and_keep_empty_containers_short():
    """`?pretty` would look different from a real server's."""
    want = '{\n  "a": [\n    1,\n    {\n      "b": {},\n      "c": []\n    }\n  ],\n  "d": "x, {y: [z]}"\n}\n'
    assert dumps({"a": [1, {"b": {}, "c": []}], "d": "x, {y: [z]}"}, pretty=True).decode() == want


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (2.5, "2.5"),
        (1000.0, "1000"),
        (1e-06, "0.000001"),
        (1e-07, "1e-7"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (-1.5e-05, "-0.000015"),
        (-0.0, "-0"),
        (1.5e300, "1.5e+300"),
    ],
)
def test_numbers_are_spelled_like_gos(number, text):
    """A parameter like 1e-05 would come back in another spelling."""
    assert number_text(number) == text
    assert dumps([number]) == f"[{text}]\n".encode()


def test_untyped_numbers_lose_what_a_float_loses():
    """Big integers in engine parameters would come back more exact than from a real server."""
    kept = plain({"a": [9007199254740993, 1000.0, True, 0.5, 36488499785248890]})
    assert dumps(kept) == b'{"a":[9007199254740992,1000,true,0.5,36488499785248890]}\n'


def test_maps_are_sorted_at_every_level():
    """Engine parameters would keep the user's order, which no real server does."""
    assert json.dumps(sorted_map({"b": 1, "a": [{"d": 1, "c": 2}]})) == '{"a": [{"c": 2, "d": 1}], "b": 1}'


def test_each_broken_byte_becomes_one_replacement():
    """Labels with invalid UTF-8 would be refused, or shortened, instead of kept (scenario 28)."""
    assert decode_text(b"a\xff\xfe\xe2\x82z\xe2\x82\xac") == "a\ufffd\ufffd\ufffd\ufffdz€"
    assert without_surrogates({"\ud800": ["\udfffx"]}) == {"\ufffd": ["\ufffdx"]}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(JSON)
def test_what_is_written_is_json_of_the_same_value(value):
    """Some text or number would break the body for every client."""
    value = without_surrogates(value)
    written = json.loads(dumps(value))
    assert written == json.loads(dumps(value, pretty=True))
    assert plain(written) == plain(value)
