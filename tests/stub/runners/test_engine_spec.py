"""Engine parameters are decoded like the servers do (goldens 70, 73)."""

from __future__ import annotations

import pytest

from orchestrator_stub.runners.engine_spec import decode

FIELDS = {"Image": "string", "Parameters": "[]string", "EnvironmentVariables": "map[string]string"}


def test_any_case_null_and_unknown_keys():
    """Recorded jobs with `image`, null and `Foo` would fail."""
    given = {"image": "i", "Parameters": None, "Foo": 1, "environmentvariables": {"A": "b"}}
    assert decode(given, FIELDS) == {"Image": "i", "Parameters": (), "EnvironmentVariables": {"A": "b"}}
    assert decode(None, FIELDS) == {"Image": "", "Parameters": (), "EnvironmentVariables": {}}
    assert decode({"Parameters": ["a", None]}, FIELDS)["Parameters"] == ("a", "")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"Parameters": "sh"}, "string into Go struct field EngineSpec.Parameters of type []string"),
        ({"Parameters": [1]}, "number into Go struct field EngineSpec.Parameters of type string"),
        ({"Image": ["x"]}, "array into Go struct field EngineSpec.Image of type string"),
        ({"Image": True}, "bool into Go struct field EngineSpec.Image of type string"),
        ({"Image": {}}, "object into Go struct field EngineSpec.Image of type string"),
    ],
)
def test_wrong_types(given, words):
    """Golden 73, entrypoint-string and parameters-number."""
    with pytest.raises(ValueError) as failure:
        decode(given, FIELDS)
    assert str(failure.value) == f"json: cannot unmarshal {words}"
