"""JSON with positions, and Go's complaints."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator_stub.wire.scanner import DEEPEST, JsonError, JsonSyntaxError, Node, check_depth, scan, too_large


def value_of(node):
    """The plain value of a scanned node."""
    if node.kind == "object":
        return {key: value_of(item) for key, item in node.members()}
    if node.kind == "array":
        return [value_of(item) for item in node.items()]
    return json.loads(node.value) if node.kind == "number" else node.value


def test_a_value_knows_where_it_stands():
    """Offsets in type errors would be wrong."""
    body = b' {"a": [10]} x'
    ((key, inner),) = scan(body).members()
    (number,) = inner.items()
    assert (key, inner, number) == ("a", Node(body, 7, 11), Node(body, 8, 10))
    assert (inner.kind, number.kind, number.value) == ("array", "number", "10")


@pytest.mark.parametrize(
    ("text", "message", "offset"),
    [
        (b"hello", "invalid character 'h' looking for beginning of value", 1),
        (b"{'a':1}", r"invalid character '\'' looking for beginning of object key string", 2),
        (b'{"a" 1}', "invalid character '1' after object key", 6),
        (b'{"a":1 "b"}', "invalid character '\"' after object key:value pair", 8),
        (b"[1 2]", "invalid character '2' after array element", 4),
        (b"[1,]", "invalid character ']' looking for beginning of value", 4),
        (b"tru3", "invalid character '3' in literal true (expecting 'e')", 4),
        (b'"a\nb"', r"invalid character '\n' in string literal", 3),
        (rb'"\x"', "invalid character 'x' in string escape code", 3),
        (rb'"\u12g4"', r"invalid character 'g' in \u hexadecimal character escape", 6),
        (b"-x", "invalid character 'x' in numeric literal", 2),
        (b"1.x", "invalid character 'x' after decimal point in numeric literal", 3),
        (b"1e+x", "invalid character 'x' in exponent of numeric literal", 4),
        (b"[1e7E]", "invalid character 'E' after array element", 5),
        (b"[1.5.]", "invalid character '.' after array element", 5),
        (b'[1,"a",[],true ,]', "invalid character ']' looking for beginning of value", 17),
        (b'{"a":1,"b":[] ,"c"}', "invalid character '}' after object key", 19),
        (b'{"a":1,"b":01}', "invalid character '1' after object key:value pair", 13),
        (b"\xef\xbb\xbf{}", "invalid character 'ï' looking for beginning of value", 1),
        (b"\x1f", r"invalid character '\x1f' looking for beginning of value", 1),
        (b"[" * (DEEPEST + 1), "invalid character '[' exceeded max depth", DEEPEST + 1),
    ],
)
def test_malformed_json_is_named_with_its_place(text, message, offset):
    """A user would be told the wrong place, or the stub would not notice."""
    with pytest.raises(JsonSyntaxError) as caught:
        scan(text)
    assert (str(caught.value), caught.value.offset) == (message, offset)


@pytest.mark.parametrize(
    ("text", "message"),
    [(b"", "EOF"), (b" \n", "EOF"), (b"{", "unexpected EOF"), (b'{"a":', "unexpected EOF"), (b"[1,", "unexpected EOF"),
     (b'"a', "unexpected EOF"), (b"tr", "unexpected EOF"), (b"-", "unexpected EOF"), (b"1.", "unexpected EOF")],
)
def test_json_that_ends_too_early_is_an_eof(text, message):
    """A cut body would look like another mistake."""
    with pytest.raises(JsonError) as caught:
        scan(text)
    assert str(caught.value) == message
    assert not isinstance(caught.value, JsonSyntaxError)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=10,
)


@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
def test_valid_json_is_read_like_the_standard_library_reads_it(value, ascii_only, indent):
    """Some spelling of valid JSON would be refused or read as something else."""
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    assert value_of(scan(text.encode())) == json.loads(text)


@given(st.binary(max_size=40))
def test_garbage_is_json_or_a_json_error(text):
    """A body could end in a traceback."""
    try:
        node = scan(text)
    except JsonError:
        return
    assert 0 <= node.start < node.end <= len(text)


def test_long_bodies_are_checked_without_building_their_parts():
    """A body of some megabytes with a mistake at its end would stop the stub for half a minute."""
    long = b"[" + b"0," * 400_000 + b'"a",{},' * 200_000
    began = time.process_time()
    with pytest.raises(JsonSyntaxError) as caught:
        scan(long + b"!")
    assert time.process_time() - began < 3
    assert caught.value.offset == len(long) + 1


def test_a_value_that_nests_too_deep_is_named_with_its_place():
    """The 400 for what is deeper than can be kept would not say where it is."""
    node = scan(b' {"a":[[1]]}')
    check_depth(node, 3)
    with pytest.raises(JsonSyntaxError, match="invalid character '\\[' exceeded max depth") as caught:
        check_depth(node, 2)
    assert caught.value.offset == 8


def test_the_first_number_beyond_every_float_is_found():
    """The 400 for 1e999 would name another number, or a text that looks like one."""
    body = b'{"1e999":["1e999",1e300,-1e999,1e999]}'
    found = too_large(scan(body))
    assert (found.text, found.start) == ("-1e999", 24)
    assert too_large(scan(b"[1e300]")) is None
