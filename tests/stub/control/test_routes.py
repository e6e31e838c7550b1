"""The stub's own surface."""

from __future__ import annotations

JOBS = "/api/v1/orchestrator/jobs"


async def test_info_tells_what_runs_here(start_stub):
    """`env` and the demo read it."""
    stub, client = await start_stub(docker_runner="off")
    info = (await client.get("/stub/info")).json()
    assert (info["release"], info["clock"], info["nodes"], info["s3"]["endpoint"]) == ("1.9.3", "real", 3, None)
    assert info["url"] == stub.url
    assert info["runners"] == ["wasm: wasm"]
    assert info["flags"]["docker_runner"] == "off"


async def test_the_page_lists_jobs_newest_first_and_runs_no_script(start_stub):
    """The job link would find no page, or a page that a job's name can take over."""
    _, client = await start_stub()
    ids = []
    for name in ("first", "second"):
        task = {"Name": "main", "Engine": {"Type": "docker", "Params": {"Image": "x"}}}
        body = {"Job": {"Name": name, "Type": "batch", "Count": 1, "Tasks": [task]}}
        ids.append((await client.put(JOBS, json=body)).json()["JobID"])
    answer = await client.get("/stub/")
    assert answer.text.index(ids[1]) < answer.text.index(ids[0])
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert (await client.get("/stub")).status_code == 200


async def test_links_of_a_plain_webui_url_lead_to_the_job(start_stub):
    """A connection with this page as its web interface would link to a 404."""
    _, client = await start_stub()
    for link in ("/stub/jobs?id=j-1", "/stub/jobs/j-1"):
        assert (await client.get(link)).headers["location"] == "/stub/#/jobs/j-1"


async def test_what_is_not_there_is_a_404_in_its_own_form(start_stub):
    """A client of the control surface could mistake it for the emulated one."""
    _, client = await start_stub()
    for method in ("GET", "POST", "PUT", "DELETE"):
        answer = await client.request(method, "/stub/nothing")
        assert answer.status_code == 404
        assert "/stub/nothing" in answer.json()["error"]
