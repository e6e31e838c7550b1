"""The generator: every route, every kind of spoiling, and the same requests again from the same seed."""

from __future__ import annotations

import collections
import json
import random
import shutil
import subprocess
from functools import cache

import pytest

from fuzzer import garbage, jobs
from fuzzer.campaign import API_KEY, RELEASES
from fuzzer.facts import Facts
from fuzzer.requests import Known, Requests
from fuzzer.sent import Sent
from fuzzer.values import NO_NUMBERS, Members, Token, encode, odd

SOME = Known(["j-1234", "given-1"], ["é <&>/1"], ["e-12"], ["n-12"], ["Ok46Mjoy"])


@cache
def made(release="1.9.3", seed="1", count=2000, key=""):
    """The first requests of a run."""
    requests = Requests(release, seed, SOME, key)
    return [requests.next() for _ in range(count)]


def test_a_seed_makes_the_same_requests_again():
    """A fault that was found could not be found again."""
    assert made(count=500) == made(count=500)
    assert made(count=500) != made(count=500, seed="2")


@pytest.mark.parametrize("release", RELEASES)
def test_every_route_is_asked_in_every_way(release):
    """A route, a kind of body or a header would never be tried."""
    requests = made(release)
    paths = {Facts(sent, release).path for sent in requests}
    jobs_path, nodes_path = "/api/v1/orchestrator/jobs", "/api/v1/orchestrator/nodes"
    for tail in ("", "/history", "/executions", "/results", "/versions", "/rerun", "/logs"):
        assert f"{jobs_path}/j-1234{tail}" in paths
    assert {jobs_path, nodes_path, f"{jobs_path}/diff", f"{nodes_path}/n-12", "/", "/api/v1/auth/clientkey"} <= paths
    assert any(path.startswith("/stub/") for path in paths)
    agent = {f"/api/v1/agent/{name}" for name in ("alive", "version", "node", "config", "debug", "license", "authconfig")}
    assert agent <= paths
    assert {sent.method for sent in requests} >= {"GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE"}
    kinds = collections.Counter(
        kind
        for sent in requests
        for kind, found in (("valid", sent.valid), ("chunked", sent.chunked), ("cut", sent.cut is not None), ("raw", bool(sent.raw)))
        if found
    )
    assert set(kinds) == {"valid", "chunked", "cut", "raw"}
    assert 0.1 < kinds["valid"] / len(requests) < 0.3


def test_valid_jobs_are_plain_json_with_every_feature():
    """What has to be accepted would be refused, or would leave some feature of a task out."""
    seen = collections.Counter()
    for sent in made():
        if sent.valid:
            job = json.loads(sent.body.decode("utf-8", "replace"))["Job"]
            seen.update([job["Type"], *job, *job["Tasks"][0], job["Tasks"][0]["Engine"]["Type"].strip()])
    assert {"batch", "ops", "service", "daemon", "docker", "wasm", "foo"} <= set(seen)
    assert {"Labels", "Meta", "Constraints", "Count", "ID", "State", "Env", "InputSources", "Network", "Timeouts", "Resources"} <= set(seen)
    assert {"Publisher", "ResultPaths"} <= set(seen)


def test_most_spoiled_bodies_are_read_in_part_and_some_are_no_json():
    """All mutations would end at the first look, or none would be wrong."""
    bodies = [sent.body for sent in made() if sent.kind == "submit" and not sent.valid]
    fine = sum(Facts(Sent("PUT", b"/", body=body), "1.9.3").body is not None for body in bodies)
    assert 0.5 < fine / len(bodies) < 0.95


def test_odd_values_are_written_as_they_stand():
    """Numbers that no library writes, repeated keys and halves of pairs would never arrive."""
    rng = random.Random(1)
    assert encode(Members([("a", Token(b"1e999")), ("a", None)]), rng).split() in ([b'{"a":1e999,"a":null}'], [b'{"a":', b'1e999,"a":', b"null}"])
    texts = b"".join(encode(odd(rng), rng) for _ in range(3000))
    assert all(word.encode() in texts for word in ("1e999", "9" * 5000, "null", *NO_NUMBERS))
    assert b"\\ud800" in texts
    assert b"\xed\xa0\x80" in texts


def test_a_key_is_shown_by_most_and_by_every_valid_request():
    """Nothing behind the door would be tried, or nothing would ever be refused at it."""
    shown = collections.Counter((sent.valid, sent.header("authorization") == f"Bearer {API_KEY}") for sent in made(key=API_KEY) if not sent.raw)
    assert shown[True, False] == 0
    assert 0.05 < shown[False, False] / (shown[False, False] + shown[False, True]) < 0.3


def test_a_message_is_http_and_can_be_cut():
    """What is called a valid request would be none."""
    sent = Sent("PUT", b"/a?b", (("X", "é"),), b"{}")
    assert sent.message("h:1") == b"PUT /a?b HTTP/1.1\r\nHost: h:1\r\nX: \xc3\xa9\r\nContent-Length: 2\r\n\r\n{}"
    pieces = Sent("PUT", b"/", body=b"{}", chunked=True).message("h:1")
    assert pieces.endswith(b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
    assert b"Host: h:1" in Sent("", b"", raw=garbage.WHOLE[5]).message("h:1") or b"HTTP/1.0" in garbage.WHOLE[5]


@pytest.mark.parametrize("body", [b"{}", bytes(range(256)), b"'%s\\n'", "é\x00".encode()])
def test_the_line_for_a_shell_sends_the_same_body(body):
    """A fault's line would send something else than what found it."""
    line = Sent("PUT", b"/x?a='b", (("X-A", "it's é"), ("Y", "")), body).curl("http://h:1")
    pipe, _, rest = line.partition(" | curl ")
    printed = subprocess.run(["bash", "-c", pipe], capture_output=True, check=True).stdout
    assert printed == body
    words = subprocess.run(["bash", "-c", f"printf '%s\\n' {rest}"], capture_output=True, check=True).stdout.decode().splitlines()
    assert [words[at + 1] for at, word in enumerate(words) if word == "-H"] == ["X-A: it's é", "Y;", "Content-Type:"]
    assert words[-1] == "http://h:1/x?a='b"
    assert shutil.which("bash")


def test_mutations_reach_every_part_of_a_job():
    """Some part of a job would always be as a client sends it."""
    rng = random.Random(1)
    job = {"A": {"B": [1, {"C": "x"}]}, "D": None}
    changed = [jobs.mutated(rng, job) for _ in range(2000)]
    assert sum(not isinstance(each, dict | Members) for each in changed) > 10
    parts = [each for each in changed if isinstance(each, dict) and "A" in each]
    assert any(each.get("D", 0) != job["D"] for each in parts)
    assert any(isinstance(each["A"], dict) and isinstance(each["A"].get("B"), list) and None in each["A"]["B"] for each in parts)
    assert job == {"A": {"B": [1, {"C": "x"}]}, "D": None}
