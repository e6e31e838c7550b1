"""`job get`, as the program of each release fetches, unpacks and merges what a stub of its release published."""

from __future__ import annotations

import io
import tarfile
import urllib.request

import pytest
from downloads import CannotDownload, job_get
from go_http import Refused
from job_specs import docker_job, shell_job
from programs import with_partitions

OUT = {"ResultPaths": [{"Name": "out", "Path": "/out"}]}
SCRIPT = "echo said; echo meant >&2; mkdir -p /out/deep; echo x > /out/deep/file; exit 3"
TREE = ["exitCode", "out/deep/file", "stderr", "stdout"]


def s3_publisher(program, **params):
    """What `--publisher s3://bucket/key` becomes: the keys' spelling changed with 1.6."""
    given = {"bucket": "clients", "key": f"of-{program.release}/{{executionID}}"} | params
    if not program.knows_connection_state:
        given = {"Endpoint": "", "Region": ""} | {key.title(): value for key, value in given.items()}
    return {"Type": "s3", "Params": given}


@pytest.mark.parametrize("where", ["local", "s3"])
def test_get_brings_the_whole_result(cli, program, tmp_path, where):
    """`job get` would fail, or lose files of folders inside folders."""
    publisher = {"Type": "local"} if where == "local" else s3_publisher(program)
    run = cli.docker_run(shell_job(SCRIPT, task={"Publisher": publisher} | OUT))
    assert job_get(cli.job_results(run.job_id), tmp_path) == TREE
    assert (tmp_path / "stdout").read_text() == "said\n"
    assert (tmp_path / "stderr").read_text() == "meant\n"
    assert (tmp_path / "exitCode").read_text() == "3"
    assert (tmp_path / "out" / "deep" / "file").read_text() == "x\n"


def test_the_archive_s_first_entry_is_the_folder_itself(cli, tmp_path):
    """Programs that take the first entry for the root would lose a file; every real archive has it."""
    run = cli.docker_run(shell_job(SCRIPT, task={"Publisher": {"Type": "local"}} | OUT))
    (result,) = cli.job_results(run.job_id)
    content = urllib.request.urlopen(result["Params"]["URL"], timeout=10).read()
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        names = archive.getnames()
    assert names == [".", "exitCode", "out", "out/deep", "out/deep/file", "stderr", "stdout"]


def test_several_results_are_merged(cli, tmp_path):
    """The output of a job on three nodes would come from one of them only."""
    run = cli.job_run(docker_job("echo", "node", kind="ops", task={"Publisher": {"Type": "local"}}))
    results = cli.job_results(run.job_id)
    assert len(results) == len(cli.node_list())
    assert job_get(results, tmp_path) == ["exitCode", "stderr", "stdout"]
    assert (tmp_path / "stdout").read_text() == "node\n" * len(results)


def test_a_job_without_publisher_has_no_results(cli):
    """The program would try to download nothing and fail instead of saying so."""
    run = cli.docker_run(docker_job("echo", "x"))
    assert cli.job_results(run.job_id) == []
    assert run.job["Tasks"][0]["Publisher"] == {"Type": ""}


def test_a_signed_address_is_made_anew_each_time(cli, program):
    """A program that asks an hour later would be given an address that is refused."""
    run = cli.docker_run(docker_job("echo", "x", task={"Publisher": s3_publisher(program)}))
    (signed,) = cli.job_results(run.job_id)
    while cli.job_results(run.job_id) == [signed]:
        pass  # signatures are made to the second
    assert signed["Type"] == "s3PreSigned"
    assert "&X-Amz-" in signed["Params"]["PreSignedURL"]
    assert ("Managed" in signed["Params"]) == program.knows_versions


@with_partitions
def test_an_unsigned_result_is_shown_instead_of_fetched(cli, program, tmp_path):
    """Files that were published one by one have no address; the program says so (1.6.4+ knows that encoding)."""
    plain = cli.docker_run(docker_job("echo", "x", task={"Publisher": s3_publisher(program, encoding="plain")}))
    results = cli.job_results(plain.job_id)
    assert [each["Type"] for each in results] == ["s3"]
    with pytest.raises(CannotDownload):
        job_get(results, tmp_path)


@pytest.mark.parametrize("kind", ["service", "daemon"])
def test_long_running_jobs_have_no_results(cli, kind):
    """The masked 500 of real servers is what the program shows."""
    run = cli.job_run(docker_job("sleep", "20", kind=kind))
    with pytest.raises(Refused) as refused:
        cli.job_results(run.job_id)
    assert (refused.value.status, refused.value.fields["Message"]) == (500, "Internal server error")
    cli.job_stop(run.job_id)
