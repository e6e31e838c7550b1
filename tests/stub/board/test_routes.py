"""What the board asks for, and how its parts are served."""

from __future__ import annotations

import asyncio

JOBS = "/api/v1/orchestrator/jobs"


def job(name, **more):
    """A job that its stub ends at once."""
    task = {"Name": "main", "Engine": {"Type": "docker", "Params": {"Image": "acme/clean:1.4"}}}
    return {"Job": {"Name": name, "Type": "batch", "Count": 1, "Tasks": [task], **more}}


async def submit(client, *names, **more):
    return [(await client.put(JOBS, json=job(name, **more))).json()["JobID"] for name in names]


async def test_the_page_is_whole_without_anything_from_elsewhere(start_stub):
    """The page would be blank on a machine without internet, or could be told to load somebody's script."""
    _, client = await start_stub()
    page = await client.get("/stub/")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    for name in ("style.css", "board.js", "parts.js", "views.js"):
        part = await client.get(f"/stub/board/{name}")
        assert part.status_code == 200, name
        assert "//" not in part.text.replace("// ", "").replace("://", ""), name
    assert (await client.get("/stub")).status_code == 200


async def test_links_of_a_plain_webui_url_lead_to_the_job(start_stub):
    """A connection with this page as its web interface would link to a 404."""
    _, client = await start_stub()
    for link in ("/stub/jobs?id=j-1", "/stub/jobs/j-1"):
        assert (await client.get(link)).headers["location"] == "/stub/#/jobs/j-1"


async def test_jobs_come_newest_first_a_page_at_a_time(start_stub):
    """Ten thousand jobs would be sent at every look, or the one just submitted would be on the last page."""
    _, client = await start_stub()
    ids = await submit(client, "one", "two", "three")
    first = (await client.get("/stub/board/jobs?limit=2")).json()
    assert [each["id"] for each in first["jobs"]] == ids[:0:-1]
    assert (first["total"], first["counts"]) == (3, {"Completed": 3})
    rest = (await client.get("/stub/board/jobs?limit=2&offset=2")).json()
    assert [each["id"] for each in rest["jobs"]] == ids[:1]
    assert (await client.get("/stub/board/jobs?limit=nonsense")).json()["total"] == 3


async def test_jobs_are_found_by_words_and_state(start_stub):
    """Nobody finds one job of thousands by turning pages."""
    _, client = await start_stub()
    await submit(client, "clean-monday", "clean-tuesday", Labels={"team": "etl"})
    (stuck,) = await submit(client, "stuck", Constraints=[{"Key": "region", "Operator": "=", "Values": ["eu"]}])

    async def found(query):
        return [each["name"] for each in (await client.get(f"/stub/board/jobs?{query}")).json()["jobs"]]

    assert await found("q=clean+team%3Detl") == ["clean-tuesday", "clean-monday"]
    assert await found("q=TUESDAY") == ["clean-tuesday"]
    assert await found(f"q={stuck[:12]}") == ["stuck"]
    assert await found("q=acme&state=Failed") == ["stuck"]
    assert await found("q=nowhere") == []


async def test_one_job_with_all_that_is_known_of_it(start_stub):
    """The page would not answer why a job failed."""
    _, client = await start_stub()
    (job_id,) = await submit(client, "one")
    seen = (await client.get(f"/stub/board/jobs/{job_id[:10]}")).json()
    (execution,) = seen["executions"]
    assert (seen["id"], seen["state"], execution["state"], execution["exit_code"]) == (job_id, "Completed", "Completed", 0)
    assert [line["topic"] for line in seen["history"]][:2] == ["Submission", "Scheduling"]
    assert "acme/clean:1.4" in seen["spec"]
    unknown = await client.get("/stub/board/jobs/j-unknown")
    assert (unknown.status_code, unknown.json()) == (404, {"error": "job not found: j-unknown"})


async def test_what_runs_on_a_node(start_stub):
    """A node's card would not tell whom its loss would hit."""
    _, client = await start_stub(nodes=1)
    node = (await client.get("/api/v1/orchestrator/nodes")).json()["Nodes"][0]["Info"]["NodeID"]
    assert (await client.get(f"/stub/board/nodes/{node}")).json() == {"executions": []}


async def test_a_log_is_read_on_from_where_it_was_left(start_stub):
    """The page would show each line again at every look, or break characters that two writes share."""
    stub, client = await start_stub(docker_runner="sandbox")
    body = job("talker")
    body["Job"]["Tasks"][0]["Engine"]["Params"] |= {"Entrypoint": ["/bin/sh"], "Parameters": ["-c", r"printf 'a\303'; sleep 0.3; printf '\244b\n'; echo no >&2"]}
    job_id = (await client.put(JOBS, json=body)).json()["JobID"]
    text, since, execution = "", 0, ""
    for _ in range(500):
        seen = (await client.get(f"/stub/board/jobs/{job_id}")).json()
        if seen["executions"]:
            execution = seen["executions"][-1]["id"]
            piece = (await client.get(f"/stub/board/logs/{execution}/stdout?since={since}")).json()
            text, since = text + piece["text"], piece["next"]
            if piece["is_last"]:
                break
        await asyncio.sleep(0.01)
    assert text == "aäb\n"
    assert (await client.get(f"/stub/board/logs/{execution}/stderr")).json()["text"] == "no\n"
    assert (await client.get(f"/stub/board/logs/{execution}/other")).status_code == 404
    assert (await client.get("/stub/board/logs/e-unknown/stdout")).json()["kept"] is False
