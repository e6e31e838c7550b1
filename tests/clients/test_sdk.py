"""`bacalhau-sdk` and `bacalhau-apiclient`, as they come from the package index, on every release and the document."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import bootstrap
import pytest
from job_specs import docker_job
from programs import PROGRAMS

RELEASES = (*PROGRAMS, "docs")
CALLS = Path(__file__).with_name("sdk_calls.py")


class Packages:
    """The packages in their own environment, pointed at a stub."""

    def __init__(self, python, url, folder):
        host, _, port = url.removeprefix("http://").partition(":")
        env = {"BACALHAU_API_HOST": host, "BACALHAU_API_PORT": port, "BACALHAU_DIR": str(folder), "PATH": os.environ["PATH"]}
        self._process = subprocess.Popen(
            [python, str(CALLS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
        )

    def whole(self, call, **args):
        """Everything that is known of a call."""
        self._process.stdin.write(json.dumps({"call": call, "args": args}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def __call__(self, call, **args):
        """What a call gives back; it must not fail."""
        answer = self.whole(call, **args)
        assert (answer["error"], answer["printed"]) == (None, ""), answer
        return answer["value"]

    def close(self):
        """End the process."""
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(10)


@pytest.fixture(scope="session")
def python_of_clients():
    """The interpreter of the packages' environment, which is built when it is not there."""
    assert bootstrap.main([bootstrap.CLIENTS]) == 0
    return str(bootstrap.python_of(bootstrap.environment_folder(bootstrap.CLIENTS)))


@pytest.fixture(scope="module", params=RELEASES)
def release(request):
    """Each release and the document."""
    return request.param


@pytest.fixture(scope="module")
def sdk(stub_of, python_of_clients, release, tmp_path_factory):
    """The packages, talking to a stub of the release."""
    packages = Packages(python_of_clients, stub_of(release).url, tmp_path_factory.mktemp("sdk"))
    yield packages
    packages.close()


def submit(sdk, *command, **fields):
    """Submit a job as the packages' users do; its id."""
    return sdk("Jobs.put", request={"Job": docker_job(*command, **fields)})["JobID"]


def wait(sdk, job_id):
    """The job once it is over."""
    while True:
        job = sdk("Jobs.get", job_id=job_id)["Job"]
        if job["State"]["StateType"] in ("Completed", "Failed", "Stopped"):
            return job


@pytest.fixture
def has_lists(release):
    """Whether the packages find the lists of an answer: they look for `Items`, the document names each list otherwise."""
    return release != "docs"


def test_what_the_packages_send(sdk):
    """A stub that needs more than they send would lock them out: they say no version and have no token."""
    answer = sdk.whole("Jobs.put", request={"Job": docker_job("true", Name="sent")})
    head, _, body = answer["sent"].partition("\r\n\r\n")
    request, *headers = head.split("\r\n")
    names = {line.partition(":")[0] for line in headers}
    assert request == "PUT /api/v1/orchestrator/jobs HTTP/1.1"
    assert names == {"Host", "Accept-Encoding", "Content-Length", "Accept", "Content-Type", "User-Agent"}
    assert "User-Agent: Swagger-Codegen//python" in headers
    assert list(json.loads(body)) == ["Job"]
    listed = sdk.whole("Jobs.list", limit=1, reverse=True)["sent"].split("\r\n")[0]
    assert listed == "GET /api/v1/orchestrator/jobs?limit=1&next_token=&reverse=True&order_by=created_at HTTP/1.1"


def test_submit_and_look(sdk):
    """Nothing else would work either."""
    put = sdk("Jobs.put", request={"Job": docker_job("echo", "hi", Name="look")})
    assert put["JobID"].startswith("j-")
    assert put["EvaluationID"]
    job = wait(sdk, put["JobID"])
    assert (job["Name"], job["State"]["StateType"], job["Count"]) == ("look", "Completed", 1)
    assert job["Tasks"][0]["Engine"]["Params"]["Parameters"] == ["echo", "hi"]
    assert job["ModifyTime"] > job["CreateTime"]


def test_list_pages(sdk, has_lists):
    """A script that lists all jobs would see some twice or none."""
    ids = [submit(sdk, "true", Name=f"page-{number}") for number in range(3)]
    page = sdk("Jobs.list", limit=2, reverse=True)
    assert page["NextToken"]
    if has_lists:
        assert [job["ID"] for job in page["Items"]] == ids[:0:-1]
        rest = sdk("Jobs.list", limit=2, reverse=True, next_token=page["NextToken"])
        assert rest["Items"][0]["ID"] == ids[0]
    else:
        assert "Items" not in page  # the document calls them Jobs


def test_executions_and_history(sdk, has_lists):
    """States and output of a run would be missing."""
    job_id = submit(sdk, "echo", "said", Name="ran")
    wait(sdk, job_id)
    executions, history = sdk("Jobs.executions", job_id=job_id), sdk("Jobs.history", job_id=job_id)
    described = sdk("Jobs.get", job_id=job_id, include="executions,history")
    if has_lists:
        (execution,) = executions["Items"]
        assert (execution["ComputeState"]["StateType"], execution["DesiredState"]["StateType"]) == (9, 2)
        assert (execution["RunOutput"]["Stdout"], execution["RunOutput"]["ExitCode"]) == ("said\n", 0)
        assert {item["Type"] for item in history["Items"]} == {"ExecutionLevel"}  # the package asks for no others
        assert history["Items"][-1]["Event"]["Message"] == "Completed successfully"
        assert described["Executions"]["Items"] == executions["Items"]
        assert {item["Type"] for item in described["History"]["Items"]} == {"JobLevel", "ExecutionLevel"}
    else:
        assert (executions, history) == ({"NextToken": ""}, {"NextToken": ""})  # Executions and History there


def test_results(sdk, has_lists):
    """What a job published could not be found."""
    job_id = submit(sdk, "echo", "x", Name="published", task={"Publisher": {"Type": "local"}})
    wait(sdk, job_id)
    results = sdk("Jobs.results", job_id=job_id)
    if has_lists:
        (result,) = results["Items"]
        assert result["Type"] == "urlDownload"
        assert result["Params"]["URL"].endswith(".tar.gz")
    else:
        assert results == {"NextToken": ""}  # Results there


def test_stop(sdk, release):
    """A job could not be stopped; the reason stands in the address, where only the document reads it."""
    job_id = submit(sdk, "sleep", "30", Name="stopped")
    assert sdk("Jobs.stop", job_id=job_id, reason="enough")["EvaluationID"]
    state = sdk("Jobs.get", job_id=job_id)["Job"]["State"]
    assert state["StateType"] == "Stopped"
    assert state.get("Message", "") == ("enough" if release == "docs" else "")


def test_an_error_is_an_error(sdk):
    """A wrong id would look like a job without fields."""
    answer = sdk.whole("Jobs.get", job_id="j-nope")
    assert answer["value"] is None
    assert "(404)" in answer["printed"]
    assert "job not found: j-nope" in answer["printed"]


def test_nodes_by_the_packages_own_making(sdk):
    """The packages look for `nodes` and `node`, every server writes `Nodes` and `Node`; nothing here may depend on it."""
    listed = sdk.whole("OrchestratorApi.orchestratorlist_nodes")
    assert listed["type"] == "ApiListNodesResponse"
    assert listed["value"] == {"NextToken": ""}
    updated = sdk.whole("OrchestratorApi.orchestratorupdate_node", id="n-1", body={"Action": "approve"})
    assert updated["sent"].startswith("POST /api/v1/orchestrator/nodes HTTP/1.1")  # servers know PUT /nodes/:id alone
    assert updated["error"]["status"] == 404


def test_the_agent(sdk, release):
    """The packages could not tell what they talk to."""
    assert sdk("OpsApi.agentalive") == "{'Status': 'OK'}"
    version = sdk("OpsApi.agentversion")["GitVersion"]
    assert version == ("v1.1.0" if release == "docs" else f"v{release}")
    node = sdk("OpsApi.agentnode")
    if release == "1.5.2":
        assert node == {}  # it answers with the node's state, which the package does not look into
    else:
        assert node["BacalhauVersion"]["GitVersion"] == version
        assert node["ComputeNodeInfo"]["MaxCapacity"]["CPU"] > 0


def test_the_first_api_where_it_still_is(sdk, release):
    """`livez` and `id` go to paths that servers from 1.7 on do not have."""
    livez = sdk.whole("UtilsApi.livez")
    if release in ("1.5.2", "1.6.5", "docs"):
        assert livez["value"] == "b'OK'"
        assert sdk("UtilsApi.id")
        assert sdk("MiscApi.api_serverversion", body={"client_id": "x"})["build_version_info"]["GitCommit"]
    else:
        assert livez["error"]["status"] == 404


def test_logs_are_no_socket_for_the_package(sdk):
    """The package asks without a handshake; servers answer 200 with nothing."""
    job_id = submit(sdk, "echo", "x", Name="logged")
    assert sdk("OrchestratorApi.orchestratorlogs", id=job_id) == "b''"
