"""Archives look like those of released servers (golden 71, FINDINGS-docker 4)."""

from __future__ import annotations

import asyncio
import base64
import gzip
import io
import json
import tarfile
from hashlib import sha256
from pathlib import Path

import pytest

from orchestrator_stub.publishers.archive import files, members, write_archive

TESTS = Path(__file__).parents[2]
JOBS = "/api/v1/orchestrator/jobs"


@pytest.fixture
def archive(tmp_path):
    """Writes a run's archive; gives back (name, mode, type, content) of each member."""

    def write(output):
        path = tmp_path / "a.tar.gz"
        write_archive(output, path)
        with tarfile.open(path) as opened:
            return [
                (m.name, oct(m.mode), "folder" if m.isdir() else "link" if m.issym() else "file", content(opened, m))
                for m in opened
            ]

    return write


def content(opened, member):
    """Bytes of a file, target of a link."""
    return opened.extractfile(member).read() if member.isfile() else member.linkname or None


def test_members_are_in_the_recorded_order(archive, make_output):
    """Golden 71, results-nested: folders before their content, hidden files too."""
    nested = {".hidden": b"x\n", "a/f": b"a\n", "a/b/f": b"a/b\n", "empty": b""}
    listed = archive(make_output(stdout=b"", stderr=b"", exit_code=3, folders={"outputs": nested}))
    assert listed == [
        (".", "0o700", "folder", None),
        ("exitCode", "0o644", "file", b"3"),
        ("outputs", "0o755", "folder", None),
        ("outputs/.hidden", "0o644", "file", b"x\n"),
        ("outputs/a", "0o755", "folder", None),
        ("outputs/a/b", "0o755", "folder", None),
        ("outputs/a/b/f", "0o644", "file", b"a/b\n"),
        ("outputs/a/f", "0o644", "file", b"a\n"),
        ("outputs/empty", "0o644", "file", b""),
        ("stderr", "0o644", "file", b""),
        ("stdout", "0o644", "file", b""),
    ]


def test_result_paths_stand_among_the_captured_files(archive, make_output):
    """Golden 71: `deep` first, `two` last."""
    names = [name for name, *_ in archive(make_output(folders={"two": {}, "deep": {}, "one": {}}))]
    assert names == [".", "deep", "exitCode", "one", "stderr", "stdout", "two"]


def test_the_root_has_the_mode_of_the_release(archive, make_output):
    """0755 up to 1.7."""
    assert archive(make_output(root_mode=0o755))[0][1] == "0o755"


def test_everything_belongs_to_root_and_folders_have_no_slash(make_output, tmp_path):
    """Who unpacks it would get other owners or names."""
    write_archive(make_output(folders={"outputs": {"f": b""}}), tmp_path / "a.tar.gz")
    raw = gzip.decompress((tmp_path / "a.tar.gz").read_bytes())
    assert raw[:2] == b".\0"
    assert b"outputs/\0" not in raw
    with tarfile.open(tmp_path / "a.tar.gz") as opened:
        assert {(member.uid, member.gid) for member in opened} == {(0, 0)}


def test_links_are_never_followed(archive, make_output, tmp_path):
    """A job could publish any file that the stub can read."""
    (tmp_path / "secret").write_text("secret")
    output = make_output(folders={"outputs": {"f": b"x"}, "gone": {}})
    (output.folders["outputs"] / "link").symlink_to(tmp_path / "secret")
    output.folders["gone"].rmdir()
    output.folders["gone"].symlink_to(tmp_path)
    listed = archive(output)
    assert ("outputs/link", "0o777", "link", str(tmp_path / "secret")) in listed
    assert [name for name, *_ in listed if name.startswith("gone/")] == []
    assert all(data != b"secret" for *_, data in listed)


def test_large_output_is_whole(archive, make_output):
    """Only RunOutput is cut."""
    big = b"0123456789abcdef" * 65536
    assert ("stdout", "0o644", "file", big) in archive(make_output(stdout=big))


def test_what_is_uploaded_one_by_one(make_output):
    """Plain encoding: files only."""
    output = make_output(folders={"outputs": {"a/f": b"x"}})
    assert [member.name for member in files(output)] == ["exitCode", "outputs/a/f", "stderr", "stdout"]
    assert len(list(members(output))) == 7


def recorded(release):
    """Name of a docker job -> its spec and the archive that a real server made of its run."""
    archives = json.loads((TESTS / "golden" / release / "71-docker-archive.json").read_text())["jobs"]
    specs = {}
    for scenario in ("70-docker-run", "71-docker-output", "72-docker-files"):
        text = (TESTS / "conformance" / "scenarios" / f"{scenario}.json").read_text()
        for step in json.loads(text.replace("${IMAGE}", "localhost/busybox:latest"))["steps"]:
            name = step["id"].removesuffix("-submit")
            if name != step["id"] and name in archives:
                specs[name] = step["request"]["body"]
                specs[name]["Job"]["Tasks"][0]["Engine"]["Params"]["Parameters"] = archives[name]["command"]
    assert len(specs) == len(archives) > 15
    return [(specs[name], archives[name]) for name in archives]


@pytest.mark.parametrize("release", ["1.5.2", "1.9.3"])
async def test_recorded_jobs_leave_the_recorded_archives(start_stub, release):
    """Names, order, modes, owners, sizes or content of results would differ from a real node's (golden 71)."""
    _, client = await start_stub(docker_runner="sandbox", emulate=release)
    submitted = [(await client.put(JOBS, json=spec)).json()["JobID"] for spec, _ in recorded(release)]
    for job_id, (spec, archive) in zip(submitted, recorded(release), strict=True):
        while (await client.get(f"{JOBS}/{job_id}")).json()["Job"]["State"]["StateType"] != "Completed":
            await asyncio.sleep(0.001)
        (result,) = (await client.get(f"{JOBS}/{job_id}/results")).json()["Items"]
        answer = await client.get(result["Params"]["URL"])
        assert {name: answer.headers[name] for name in archive["headers"]} == archive["headers"]
        with tarfile.open(fileobj=io.BytesIO(answer.content)) as opened:
            found = [as_recorded(opened, member) for member in opened]
        assert found == [whole(member) for member in archive["members"]] or differs_by_shell(archive, found), spec


def as_recorded(opened, member):
    """Facts of a member, with a digest of its content."""
    data = opened.extractfile(member).read() if member.isfile() else b""
    kind = "directory" if member.isdir() else "file"
    return member.name, kind, oct(member.mode), member.size, member.uid, member.gid, sha256(data).hexdigest()


def whole(member):
    """The same of a recorded member, whose content is a text, base64 or a digest."""
    data = base64.b64decode(member["base64"]) if "base64" in member else member.get("text", "").encode()
    facts = [member[name] for name in ("name", "type", "mode", "size", "uid", "gid")]
    return (*facts, member.get("sha256") or sha256(data).hexdigest())


def differs_by_shell(archive, found):
    """Whether the run's shell complained: words and exit codes are then those of the program that /bin/sh is."""
    complained = any(member.get("text", "").startswith("/bin/sh: ") for member in archive["members"])
    return complained and [each[:3] for each in found] == [whole(member)[:3] for member in archive["members"]]


def test_the_same_run_has_the_same_bytes_whenever_it_is_packed(make_output, tmp_path):
    """Checksums of results would differ between two runs with one seed."""
    packed = []
    for name in ("one.tar.gz", "two.tar.gz"):
        write_archive(make_output(folders={"o": {"f": b"x"}}, number=len(packed)), tmp_path / name)
        packed.append((tmp_path / name).read_bytes())
    assert packed[0] == packed[1]
    assert packed[0][:10] == b"\x1f\x8b\x08\x00" + bytes(4) + packed[0][8:10], "no name, no time"
