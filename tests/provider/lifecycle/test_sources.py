"""Inputs, publishers and constraints in the spellings users know."""

from __future__ import annotations

import pytest

from airflow_provider_bacalhau.errors import ConfigError
from airflow_provider_bacalhau.lifecycle.constraints import parse_constraints
from airflow_provider_bacalhau.lifecycle.sources import parse_input, parse_inputs, parse_publisher, s3_uri


@pytest.mark.parametrize(
    ("uri", "source"),
    [
        (
            "s3://b/a/k#1%20?region=eu&endpoint=http://h:1&versionID=v&checksumSHA256=c&filter=.*csv",
            {
                "Type": "s3",
                "Params": {
                    "Bucket": "b",
                    "Key": "a/k#1%20",
                    "Region": "eu",
                    "Endpoint": "http://h:1",
                    "VersionID": "v",
                    "ChecksumSHA256": "c",
                    "Filter": ".*csv",
                },
            },
        ),
        ("https://h/f?x=1&region=2", {"Type": "urlDownload", "Params": {"URL": "https://h/f?x=1&region=2"}}),
        ("ipfs://Qm1", {"Type": "ipfs", "Params": {"CID": "Qm1"}}),
        ("data:text/plain;base64,aGk=", {"Type": "inline", "Params": {"URL": "data:text/plain;base64,aGk="}}),
        ("file:///data/x", {"Type": "localDirectory", "Params": {"SourcePath": "/data/x"}}),
        ("file:///data/x?rw=true", {"Type": "localDirectory", "Params": {"SourcePath": "/data/x", "ReadWrite": True}}),
    ],
)
def test_uris(uri, source):
    """A source read wrongly fails on the node, minutes later."""
    assert parse_input("/in", uri) == [{"Source": source, "Target": "/in"}]


@pytest.mark.parametrize(
    "text",
    [
        "src=s3://b/k,dst=/inputs,opt=region=eu-west-1",
        "s3://b/k,dst=/inputs,opt=region=eu-west-1",
        "source=s3://b/k,target=/inputs,option=region=eu-west-1",
    ],
)
def test_the_command_lines_own_strings(text):
    """People copy them from the command line."""
    wanted = [
        {"Source": {"Type": "s3", "Params": {"Bucket": "b", "Key": "k", "Region": "eu-west-1"}}, "Target": "/inputs"}
    ]
    assert parse_inputs([text]) == parse_inputs(text) == parse_inputs({"/ignored": text}) == wanted


def test_objects_and_lists():
    """Whatever has no uri is written as the object itself."""
    source = {"Type": "s3", "Params": {"Bucket": "b"}}
    whole = {"Source": source, "Target": "/in", "Alias": "x"}
    assert parse_inputs({"/in": source}) == [{"Source": source, "Target": "/in"}]
    assert parse_inputs([whole]) == parse_inputs({"/other": [whole]}) == [whole]
    assert parse_inputs({"/in": {"source": "s3://b/k"}})[0]["Source"]["Type"] == "s3"
    assert parse_inputs(None) == parse_inputs({}) == []


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (["s3://b/k"], "has no target"),
        ({"/in": "s3://b"}, "names no key"),
        ({"/in": "s3:///k"}, "names no bucket"),
        ({"/in": "s3://b/k?regoin=eu"}, "regoin is not an option"),
        ({"/in": 7}, "is a int"),
        ({"/in": {"Params": {}}}, "needs Type and Params"),
        ([{"Type": "s3"}], "needs Source and Target"),
        (["src=s3://b/k,dst=/in,oops"], "cannot read 'oops'"),
    ],
)
def test_what_cannot_be_read_is_named(value, words):
    """An option that is silently dropped reads the wrong bucket region."""
    with pytest.raises(ConfigError, match=words):
        parse_inputs(value)


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        (None, None),
        ("", None),
        ("local", {"Type": "local"}),
        ("IPFS", {"Type": "ipfs"}),
        ("s3managed", {"Type": "s3managed"}),
        ({"type": "s3", "params": {"Bucket": "b"}}, {"Type": "s3", "Params": {"Bucket": "b"}}),
        ({"Type": "local", "Params": None}, {"Type": "local"}),
        ("s3://b/k,opt=region=eu", {"Type": "s3", "Params": {"Bucket": "b", "Key": "k", "Region": "eu"}}),
        ("target=s3://b/k,opt=region=eu", {"Type": "s3", "Params": {"Bucket": "b", "Key": "k", "Region": "eu"}}),
        (
            "s3://b/{jobID}/?endpoint=http://h:1",
            {"Type": "s3", "Params": {"Bucket": "b", "Key": "{jobID}/", "Endpoint": "http://h:1"}},
        ),
    ],
)
def test_publishers(value, wire):
    """A publisher read wrongly fails after the whole work is done."""
    assert parse_publisher(value) == wire


@pytest.mark.parametrize("value", ["s3://b/k?encoding=zip", "ftp://x", {"Params": {}}, 7, "s3://b"])
def test_unknown_publishers_are_refused(value):
    """The server accepts them and fails when publishing."""
    with pytest.raises(ConfigError):
        parse_publisher(value)


def test_s3_uri_of_parameters_in_any_case():
    """The command line of 1.6 writes lower-case keys."""
    assert s3_uri({"bucket": "b", "Key": "k"}) == "s3://b/k"


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        ("region=eu", [("region", "=", ["eu"])]),
        ("region == eu", [("region", "==", ["eu"])]),
        ("region!=eu", [("region", "!=", ["eu"])]),
        ("region in (eu, us)", [("region", "in", ["eu", "us"])]),
        ("region notin(eu)", [("region", "notin", ["eu"])]),
        ("gpu", [("gpu", "exists", None)]),
        ("!spot", [("spot", "!", None)]),
        ("cores>4", [("cores", "gt", ["4"])]),
        ("cores lt 4", [("cores", "lt", ["4"])]),
        ("a=1,b in (2,3),!c", [("a", "=", ["1"]), ("b", "in", ["2", "3"]), ("c", "!", None)]),
        ("acme.io/zone=a-1.b", [("acme.io/zone", "=", ["a-1.b"])]),
        ("region=", [("region", "=", [""])]),
    ],
)
def test_constraints(text, wire):
    """A selector read wrongly runs the job on the wrong nodes."""
    made = [
        {"Key": key, "Operator": op, **({"Values": values} if values is not None else {})} for key, op, values in wire
    ]
    assert parse_constraints(text) == made


@pytest.mark.parametrize("text", ["a b", "region in ()", "=x", "region in eu", "a=b=c", "(x)"])
def test_constraints_that_cannot_be_read(text):
    """The server accepts them at submit and then finds no node."""
    with pytest.raises(ConfigError, match="cannot be read"):
        parse_constraints(text)


def test_constraint_objects_lose_empty_values():
    """Stored without them, so a repeated submit would restart the job."""
    given = [{"key": "spot", "operator": "!", "values": []}, {"Key": "r", "Operator": "in", "Values": ["a"]}]
    assert parse_constraints(given) == [
        {"Key": "spot", "Operator": "!"},
        {"Key": "r", "Operator": "in", "Values": ["a"]},
    ]
    assert parse_constraints(None) == []
