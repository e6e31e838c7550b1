"""JSON in, JSON out: what every part of the control surface has in common."""

from __future__ import annotations

import httpx
import pytest
from starlette.applications import Starlette

from orchestrator_stub.control.exchange import ControlError, body_of, object_of, route
from orchestrator_stub.domain.errors import OrchestratorError


@pytest.fixture
async def client():
    """A surface with one handler for each way to end."""

    async def echo(request):
        return {"got": await body_of(request)}

    async def only_objects(request):
        return await object_of(request)

    async def refuse(_):
        raise ControlError("x: no such thing", 404)

    async def conflict(_):
        raise OrchestratorError(409, "it is so already")

    app = Starlette(
        routes=[
            route("POST", "/echo", echo),
            route("GET", "/echo", echo),
            route("POST", "/object", only_objects),
            route("POST", "/refuse", refuse),
            route("POST", "/conflict", conflict),
        ]
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://stub") as http:
        http.app = app
        yield http


@pytest.mark.parametrize(
    ("path", "body", "status", "answer"),
    [
        ("/echo", b"[1]", 200, {"got": [1]}),
        ("/echo", b" \n", 200, {"got": None}),
        ("/object", b"", 200, {}),
        ("/object", b'{"a": 1}', 200, {"a": 1}),
        ("/object", b"[]", 400, {"error": "the body has to be a JSON object"}),
        ("/object", b"null", 200, {}),
        ("/refuse", b"", 404, {"error": "x: no such thing"}),
        ("/conflict", b"", 409, {"error": "it is so already"}),
    ],
)
async def test_answers_and_refusals(client, path, body, status, answer):
    """A mistake would be answered by a page of a framework, or taken for something else."""
    heard = await client.post(path, content=body)
    assert (heard.status_code, heard.json()) == (status, answer)


async def test_what_is_no_json_is_named(client):
    """Nobody could tell a broken body from one that asks for something unknown."""
    for body in (b"{", b"\xff"):
        heard = await client.post("/echo", content=body)
        assert heard.status_code == 400
        assert heard.json()["error"].startswith("the body is no JSON: ")


async def test_what_an_order_changed_is_done_before_its_answer(client):
    """A client would go on before its order had its effect, or a look would be held up."""
    waited = []

    async def before_answer(*, wrote):
        waited.append(wrote)

    client.app.state.before_answer = before_answer
    await client.get("/echo")
    await client.post("/refuse")
    assert waited == []
    await client.post("/echo")
    assert waited == [True]
