"""`/stub/faults`: set, listed with their hits, taken away; what is not understood changes nothing."""

from __future__ import annotations

import pytest

PATH = "/stub/faults"
JOBS = "/api/v1/orchestrator/jobs"


async def test_faults_are_set_listed_and_taken_away(start_stub):
    """A test could not say what is to go wrong, or see whether it did."""
    _, client = await start_stub()
    assert (await client.get(PATH)).json() == {"faults": []}
    assert (await client.delete(PATH)).json() == {"removed": []}
    one = {"match": {"method": "PUT", "path": "*/jobs", "nth": 2}, "do": {"kind": "status", "status": 503}}
    assert (await client.post(PATH, json=one)).json() == {"id": "f-1"}
    assert (await client.post(PATH, json={"do": {"kind": "delay", "seconds": "10ms"}})).json() == {"id": "f-2"}
    await client.get(JOBS)
    assert (await client.get(PATH)).json() == {
        "faults": [
            {
                "id": "f-1",
                "match": {"method": "PUT", "path": "*/jobs", "nth": 2, "times": 1},
                "do": {"kind": "status", "status": 503, "body": "", "headers": {}},
                "hits": 0,
                "held": 0,
            },
            {
                "id": "f-2",
                "match": {"nth": 1, "times": 1},
                "do": {"kind": "delay", "seconds": 0.01, "after": "request"},
                "hits": 1,
                "held": 0,
            },
        ]
    }
    assert (await client.delete(f"{PATH}/f-1")).json() == {"removed": ["f-1"]}
    assert (await client.delete(PATH)).json() == {"removed": ["f-2"]}


async def test_an_unknown_id_is_a_404_that_says_where_to_look(start_stub):
    """A fault that is gone would look like one that was taken away now."""
    _, client = await start_stub()
    for _ in range(2):
        answer = await client.delete(f"{PATH}/f-7")
        assert (answer.status_code, answer.json()) == (404, {"error": "f-7: no such fault; GET /stub/faults lists them"})
        await client.post(PATH, json={"do": {"kind": "hang"}})


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "do: missing; give {kind: ...}, kinds are "),
        (b"{", "the body is no JSON: "),
        (b"[]", "the body has to be a JSON object"),
        (b'{"do": {"kind": "delay", "seconds": NaN}}', "do.seconds: NaN is no duration; give seconds, or a text"),
        (b'{"do": {"kind": "hang"}, "match": {"path": "/stub/"}}', "match.path: faults never touch /stub/; "),
    ],
)
async def test_a_body_that_is_not_understood_sets_nothing(start_stub, body, text):
    """A test would go on with a fault that is another one than was meant, or none."""
    _, client = await start_stub()
    answer = await client.post(PATH, content=body)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(text)
    assert (await client.get(PATH)).json() == {"faults": []}
