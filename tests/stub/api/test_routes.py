"""Which route answers, and what stands where there is none (compared with the servers' own router)."""

from __future__ import annotations

import pytest

API = "/api/v1"
JOBS = f"{API}/orchestrator/jobs"
NODES = f"{API}/orchestrator/nodes"
OLD, NEW = "1.6.5", "1.9.3"


@pytest.mark.parametrize("path", ["/", "/version", "/livez"])
@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH", "TRACE", "FOO"])
async def test_outside_the_groups_a_wrong_method_is_named(make, path, method):
    """The only 405 that there is would be a 404."""
    answer = await make(NEW).http.request(method, path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "OPTIONS, GET")
    assert answer.text == (
        '{"Status":405,"Message":"Method Not Allowed","RequestID":"","Code":"InternalError","Component":"APIServer"}\n'
    )
    head = await make(NEW).http.head(path)
    assert (head.status_code, head.content, "content-type" in head.headers) == (405, b"", False)


@pytest.mark.parametrize(
    ("release", "path", "media_type"),
    [
        (NEW, f"{API}/agent/nope", "application/json"),
        (NEW, f"{API}/agent", "application/json"),
        (NEW, f"{API}/auth", "application/json"),
        (NEW, f"{API}/agents", None),
        (NEW, f"{API}/", None),
        (NEW, "/nope", None),
        (OLD, f"{API}/requester/nope", "application/json"),
        (OLD, f"{API}/compute", "application/json"),
        (OLD, f"{API}/auth/nope", "application/json"),
        (OLD, f"{API}/auth", "text/plain"),
        (OLD, f"{API}/agents", "text/plain"),
        (OLD, f"{API}//agent/alive", "text/plain"),
        (OLD, API, "text/plain"),
        (OLD, "/", "text/plain"),
        (OLD, "//x", "text/plain"),
        (OLD, "/livez", "text/plain"),
        (OLD, "/nope", None),
        (OLD, "/api", None),
    ],
)
async def test_a_missing_route_has_its_group_s_media_type(make, release, path, media_type):
    """A client that looks at the type first would read a 404 as another kind of answer."""
    stub = make(release)
    url = f"http://127.0.0.1:1234{path}"
    head = await stub.http.head(url)
    assert (head.status_code, head.headers.get("content-type")) == (404, media_type)
    traced = await stub.http.request("TRACE", url)
    assert (traced.status_code, traced.headers["content-type"]) == (404, media_type or "application/json")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/requester/submit", 410),
        ("POST", f"{API}/requester/list", 410),
        ("GET", f"{API}/requester/nodes", 410),
        ("GET", "/requester/websocket/events", 410),
        ("POST", "/any/where/requester/cancel", 410),
        ("GET", f"{API}/requester/list", 404),
        ("POST", f"{API}/requester/nope", 404),
        ("POST", "/requester/logs", 404),
        ("POST", "/requester/nope", 404),
    ],
)
async def test_the_first_api_is_gone_route_by_route(make, method, path, status):
    """An old client would be told that a route is gone which there never was, or the other way round."""
    assert (await make(OLD).http.request(method, path)).status_code == status
    assert (await make(NEW).http.request(method, path)).status_code == 404


async def test_old_addresses_are_found_by_their_end_unless_there_is_a_query(make):
    """Servers up to 1.6 rewrite what ends so; a stub that looks at the whole path answers otherwise."""
    stub = make(OLD)
    assert (await stub.http.get(f"{API}/agent/livez")).text == "OK"
    assert (await stub.http.get(f"{JOBS}/id")).text == stub.orchestrator.node_id
    assert (await stub.http.get("/livez?x=1")).status_code == 404
    assert (await stub.http.get("/v/version")).status_code == 404
    assert (await make(NEW).http.get(f"{JOBS}/id")).json()["Message"] == "job not found: id"


async def test_the_rest_of_a_node_s_address_is_its_id(make):
    """`/nodes/n-1/x` is no unknown route on a real server, but an unknown node."""
    stub = make(NEW)
    for ref in ("n-1/x", "n-1/"):
        answer = await stub.http.get(f"{NODES}/{ref}")
        assert (answer.status_code, answer.json()["Message"]) == (404, f"node not found: {ref}")
    assert (await stub.http.get(f"{NODES}/")).json()["Component"] == "APIServer"


async def test_a_job_s_address_may_be_empty_where_something_follows(make):
    """`/jobs//history` is answered by the store, `/jobs/` by no route."""
    stub = make(NEW)
    empty = await stub.http.get(f"{JOBS}//history")
    assert (empty.status_code, empty.json()["Component"]) == (404, "JobStore")
    assert (await stub.http.get(f"{JOBS}/")).json()["Component"] == "APIServer"


@pytest.mark.parametrize(
    ("release", "path", "status"),
    [
        ("1.5.2", "agent/license", 404),
        ("1.5.2", "agent/authconfig", 404),
        ("1.7.0", "agent/authconfig", 200),
        ("1.7.0", "orchestrator/jobs/x/versions", 404),
        ("1.9.3", "agent/config", 200),
        ("1.9.3", "auth/clientkey", 200),
    ],
)
async def test_routes_come_and_go_with_releases(make, release, path, status):
    """A client would find a route that its cluster does not have."""
    assert (await make(release).http.get(f"{API}/{path}")).status_code == status
