"""The stub's own surface."""

from __future__ import annotations

async def test_info_tells_what_runs_here(start_stub):
    """`env` and the demo read it."""
    stub, client = await start_stub(docker_runner="off")
    info = (await client.get("/stub/info")).json()
    assert (info["release"], info["clock"], info["nodes"], info["s3"]["endpoint"]) == ("1.9.3", "real", 3, None)
    assert info["url"] == stub.url
    assert info["runners"] == ["wasm: wasm"]
    assert info["flags"]["docker_runner"] == "off"


async def test_what_is_not_there_is_a_404_in_its_own_form(start_stub):
    """A client of the control surface could mistake it for the emulated one."""
    _, client = await start_stub()
    for method in ("GET", "POST", "PUT", "DELETE"):
        answer = await client.request(method, "/stub/nothing")
        assert answer.status_code == 404
        assert "/stub/nothing" in answer.json()["error"]


async def test_the_wrong_method_is_told_the_right_one(start_stub):
    """Somebody who looks at /stub/reset in a browser would take it for a page that is not there."""
    _, client = await start_stub()
    answer = await client.get("/stub/reset")
    assert (answer.status_code, answer.json()) == (404, {"error": "/stub/reset: GET is not for this page; give POST"})
