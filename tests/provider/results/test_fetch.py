"""Downloading results end to end: real HTTP, real S3 (moto), real archives."""

from __future__ import annotations

import base64
import hashlib
import logging

import pytest

from airflow_provider_bacalhau.errors import ArchiveRefused, ConfigError, HostRefused, ResultError
from airflow_provider_bacalhau.models.execution import Execution
from airflow_provider_bacalhau.models.results import PublishedResult
from airflow_provider_bacalhau.results.archive import Limits
from airflow_provider_bacalhau.results.hosts import allowed_hosts
from airflow_provider_bacalhau.results.manifest import build_manifest, item_of
from airflow_provider_bacalhau.results.transfer import Policy

FILES = {"outputs/a.csv": b"id\n1\n", "stdout": b"hello\n", "stderr": b"", "exitCode": b"0"}


def content(root):
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def local(web, world, pack):
    """Publishes files as the local publisher does; returns the manifest's items."""

    def publish(*results, **archives):
        for number, files in enumerate(results):
            archives[f"e-{number}"] = pack(files)
        for execution, data in archives.items():
            web.files[f"/{execution}.tar.gz"] = data
            world.results.append(PublishedResult(type="urlDownload", params={"URL": f"{web.url}/{execution}.tar.gz"}))
        executions = [Execution(id=name, partition=number) for number, name in enumerate(archives)]
        return build_manifest(world.results, executions).items

    return publish


@pytest.fixture
def stored(s3, s3_url, world):
    """Puts an object into S3 and lists it in /results, signed or not; returns its item."""

    def store(key, data, sign=True, checksum=""):
        spec = {"Bucket": "results", "Key": key, "Endpoint": s3_url, "Region": "us-east-1", "ChecksumSHA256": checksum}
        if data is not None:
            s3.put_object(Bucket="results", Key=key, Body=data)
        url = s3.generate_presigned_url("get_object", Params={"Bucket": "results", "Key": key})
        params = {"PreSignedURL": url, "SourceSpec": spec} if sign else spec
        result = PublishedResult(type="s3PreSigned" if sign else "s3", params=params)
        world.results.append(result)
        return item_of(result)

    return store


def test_each_execution_arrives_in_its_folder(local, world, tmp_path):
    """The commonest download would not work."""
    uris = world.fetcher().download(local(FILES, {"stdout": b"two"}), target=str(tmp_path / "out"))
    assert content(tmp_path / "out") == {**{f"e-0/{name}": data for name, data in FILES.items()}, "e-1/stdout": b"two"}
    assert str(tmp_path / "out/e-0/outputs/a.csv") in uris
    assert len(uris) == 5
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]


def test_merged_and_selected(local, world, tmp_path):
    """layout= or only= would be ignored."""
    items = local(FILES, {"stdout": b"two\n", "outputs/b.csv": b"2"})
    world.fetcher().download(items, target=str(tmp_path / "out"), layout="merged", only=["outputs/**", "stdout"])
    assert content(tmp_path / "out") == {"outputs/a.csv": b"id\n1\n", "outputs/b.csv": b"2", "stdout": b"hello\ntwo\n"}


def test_one_bad_result_leaves_nothing_of_the_others(local, world, tmp_path):
    """A failed download would look like a small result."""
    items = local(FILES, **{"e-9": b"<html>no archive</html>"})
    with pytest.raises(ArchiveRefused, match=r"e-9\.tar\.gz was refused: it is no archive"):
        world.fetcher().download(items, target=str(tmp_path / "out"))
    assert list(tmp_path.iterdir()) == []


def test_a_hostile_archive_leaves_the_target_as_it_was(local, world, tmp_path):
    """The safety of unpacking would end at the door of download."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine").write_bytes(b"mine")
    with pytest.raises(ArchiveRefused, match=r"'\.\.'"):
        world.fetcher().download(local({"../../pwned": b"x"}), target=str(tmp_path / "out"))
    assert content(tmp_path) == {"out/mine": b"mine"}
    assert len(list((tmp_path / "out").iterdir())) == 1


def test_a_cut_connection_is_resumed(local, web, world, tmp_path, Reply):
    """Large results over bad lines would never arrive."""
    items = local({"noise": hashlib.shake_128(b"x").digest(300_000)})
    web.script["/e-0.tar.gz"] = [Reply(cut=100_000), Reply(cut=50_000)]
    world.fetcher().download(items, target=str(tmp_path / "out"))
    assert (tmp_path / "out/e-0/noise").stat().st_size == 300_000
    starts = [headers.get("range") for _, headers in web.seen]
    assert starts[0] is None
    assert starts[1] == "bytes=100000-"
    assert len(starts) == 3
    assert any("going on at byte 100,000" in note for note in world.notes)


def test_an_expired_url_is_renewed(web, world, pack, tmp_path, Reply, caplog):
    """A result would be lost when the task looked 15 minutes later; and the signature must stay out of sight."""
    caplog.set_level(logging.DEBUG)
    web.files["/results/k.tar.gz"] = pack(FILES)
    web.gate = lambda target: None if "=fresh" in target else Reply(403, b"<Code>AccessDenied</Code>")

    def signed(signature):
        spec = {"Bucket": "results", "Key": "k.tar.gz"}
        url = f"{web.url}/results/k.tar.gz?X-Amz-Signature={signature}"
        return PublishedResult(type="s3PreSigned", params={"PreSignedURL": url, "SourceSpec": spec})

    world.results[:] = [signed("stale")]
    renew = world.renew

    def renewed():
        results = list(renew())
        world.results[:] = [signed("fresh")]
        return results

    world.renew = renewed
    world.fetcher().download([item_of(signed("stale"))], target=str(tmp_path / "out"))
    assert content(tmp_path / "out/result-0") == FILES
    assert world.renewals == 2
    assert "fresh" in world.notes[0]
    assert "X-Amz" not in caplog.text + "".join(world.notes)


def test_a_signed_url_that_stays_refused_is_named_without_its_signature(web, world, tmp_path, Reply):
    """Endless renewing, and a credential in the error."""
    web.gate = lambda target: Reply(403, b"<Code>SignatureDoesNotMatch</Code>")
    spec = {"Bucket": "results", "Key": "k.tar.gz"}
    result = PublishedResult(
        type="s3PreSigned", params={"PreSignedURL": f"{web.url}/k?X-Amz-Signature=1", "SourceSpec": spec}
    )
    world.results.append(result)
    with pytest.raises(ResultError, match=r"s3://results/k\.tar\.gz.*403 SignatureDoesNotMatch") as caught:
        world.fetcher().download([item_of(result)], target=str(tmp_path / "out"))
    assert "X-Amz" not in str(caught.value)


def test_a_result_of_real_s3_by_its_signed_url(stored, world, pack, tmp_path):
    """Signed results, the default with S3, would not arrive."""
    world.fetcher().download([stored("j/e.tar.gz", pack(FILES))], target=str(tmp_path / "out"))
    assert content(tmp_path / "out/result-0") == FILES


@pytest.mark.parametrize("damaged", [False, True])
def test_checksums_are_compared(stored, world, pack, tmp_path, damaged):
    """Damage on the way would go unnoticed; or a good result fail."""
    data = pack(FILES)
    checksum = base64.b64encode(hashlib.sha256(data + b"!" * damaged).digest()).decode()
    item = stored("j/e.tar.gz", data, checksum=checksum)
    fetcher = world.fetcher()
    if damaged:
        with pytest.raises(ResultError, match="another SHA-256"):
            fetcher.download([item], target=str(tmp_path / "out"))
        assert list(tmp_path.iterdir()) == []
    else:
        fetcher.download([item], target=str(tmp_path / "out"))
        assert fetcher.checks == {item.uri: "verified"}
        assert "verified" in world.notes[0]


def test_what_cannot_be_verified_is_said_and_arrives(stored, world, pack, tmp_path):
    """A checksum over parts of unknown size would fail a good result."""
    item = stored("j/e.tar.gz", pack(FILES), checksum=base64.b64encode(bytes(32)).decode() + "-7")
    fetcher = world.fetcher()
    fetcher.download([item], target=str(tmp_path / "out"))
    assert fetcher.checks == {item.uri: "unverified"}


def test_an_unsigned_result_is_read_with_the_given_client(stored, s3, world, pack, tmp_path):
    """Results of orchestrators without AWS credentials would not arrive."""
    item = stored("j/e.tar.gz", pack(FILES), sign=False)
    with pytest.raises(ResultError, match=r"\[amazon\]"):
        world.fetcher().download([item], target=str(tmp_path / "out"))
    asked = []
    world.fetcher(open_s3=lambda place: asked.append(place) or s3).download([item], target=str(tmp_path / "out"))
    assert content(tmp_path / "out/result-0") == FILES
    assert asked == [item.source]


def test_a_plain_folder_in_s3(stored, s3, world, tmp_path):
    """Results of Encoding=plain would not arrive, or their own archives be unpacked."""
    for name, data in {**FILES, "outputs/own.tar.gz": b"kept as it is"}.items():
        stored(f"p/{name}", data)
    world.results.clear()
    item = stored("p/", None, sign=False)
    fetcher = world.fetcher(open_s3=lambda place: s3)
    fetcher.download([item], target=str(tmp_path / "out"), layout="merged", only=["outputs/**"])
    assert content(tmp_path / "out") == {"outputs/a.csv": b"id\n1\n", "outputs/own.tar.gz": b"kept as it is"}
    assert fetcher.read_text(item) == "hello\n"


def test_hostile_keys_of_a_plain_folder_are_refused(stored, s3, world, tmp_path):
    """Keys may hold '..' as members of archives may."""
    stored("p/a/../../../x", b"1")
    world.results.clear()
    with pytest.raises(ArchiveRefused):
        world.fetcher(open_s3=lambda place: s3).download([stored("p/", None, sign=False)], target=str(tmp_path / "out"))
    assert list(tmp_path.iterdir()) == []


def test_an_empty_plain_folder_is_no_success(stored, s3, world, tmp_path):
    """Deleted results would look like empty ones."""
    with pytest.raises(ResultError, match="holds no objects"):
        world.fetcher(open_s3=lambda place: s3).download(
            [stored("gone/", None, sign=False)], target=str(tmp_path / "out")
        )


def test_results_can_go_to_s3(local, s3, world):
    """target='s3://...' would not work; or the local copy stay behind."""
    uris = world.fetcher(open_s3=lambda place: s3).download(
        local(FILES), target="s3://results/clean/", only="outputs/**"
    )
    assert uris == ["s3://results/clean/e-0/outputs/a.csv"]
    assert s3.get_object(Bucket="results", Key="clean/e-0/outputs/a.csv")["Body"].read() == b"id\n1\n"


def test_ipfs_through_a_gateway(web, world, pack, tmp_path, Reply):
    """Results of the ipfs publisher would not arrive, or lie one folder too deep."""
    result = PublishedResult(type="ipfs", params={"CID": "bafy"})
    world.results.append(result)
    web.files["/ipfs/bafy"] = pack({f"bafy/{name}": data for name, data in FILES.items()})
    fetcher = world.fetcher("https://remote.example", ipfs_gateway=web.url)
    fetcher.download([item_of(result)], target=str(tmp_path / "out"))
    assert content(tmp_path / "out/result-0") == FILES
    assert fetcher.read_text(item_of(result)) == "hello\n"
    web.files["/ipfs/bafy"] = b"<html>Index of bafy</html>"
    with pytest.raises(ResultError, match="as tar"):
        fetcher.download([item_of(result)], target=str(tmp_path / "again"))


def test_a_single_file_stays_a_file(web, world, tmp_path):
    """A URL to a CSV would be refused for not being an archive."""
    web.files["/a.csv"] = b"id\n"
    result = PublishedResult(type="urlDownload", params={"URL": f"{web.url}/a.csv"})
    world.fetcher().download([item_of(result)], target=str(tmp_path / "out"), layout="merged")
    assert content(tmp_path / "out") == {"a.csv": b"id\n"}


def test_the_local_publishers_default_address_is_explained(world, tmp_path):
    """The first download from a real cluster fails for everybody; it should say why."""
    result = PublishedResult(type="urlDownload", params={"URL": "http://127.0.0.1:6001/e-1.tar.gz"})
    with pytest.raises(HostRefused, match=r"Publishers\.Types\.Local\.Address"):
        world.fetcher("https://bacalhau.acme.io").download([item_of(result)], target=str(tmp_path / "out"))
    assert list(tmp_path.iterdir()) == []


def test_limits_hold(local, world, tmp_path):
    """A node could fill the worker's disk."""
    items = local({"zeros": bytes(1 << 20)})
    with pytest.raises(ArchiveRefused, match="more than 100,000 bytes"):
        world.fetcher(limits=Limits(total_bytes=100_000)).download(items, target=str(tmp_path / "out"))
    with pytest.raises(ResultError, match="larger than 100 bytes"):
        world.fetcher(policy=Policy(max_bytes=100)).download(items, target=str(tmp_path / "out"))
    assert list(tmp_path.iterdir()) == []


def test_nothing_published_or_selected_is_an_error_unless_allowed(local, world, tmp_path):
    """A forgotten publisher would pass for success."""
    fetcher, items = world.fetcher(), local(FILES)
    for given, only in (([], None), (items, ["nope/**"])):
        with pytest.raises(ResultError, match="allow_empty"):
            fetcher.download(given, target=str(tmp_path / "out"), only=only)
        assert fetcher.download(given, target=str(tmp_path / "out"), only=only, allow_empty=True) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong", [{"layout": "flat"}, {"overwrite": "yes"}, {"target": "out"}, {"only": "/x"}])
def test_wrong_arguments_are_refused_before_anything_is_fetched(local, web, world, tmp_path, wrong):
    """A typo would show after an hour of downloading."""
    with pytest.raises(ConfigError):
        world.fetcher().download(local(FILES), **{"target": str(tmp_path / "out"), **wrong})
    assert web.seen == []


def test_text_of_one_member(local, world):
    """xcom_value='stdout' and the complete log after the end would not work."""
    (item,) = local({"stdout": "héllo\n".encode() + b"\xff", "stderr": b"x" * 100, "a/deep": b"1"})
    fetcher = world.fetcher()
    assert fetcher.read_text(item) == "héllo\n\ufffd"
    assert fetcher.read_text(item, "a/deep") == "1"
    found = fetcher.read_member(item, "stderr", limit=10)
    assert (found.text, found.complete) == ("x" * 10, False)
    with pytest.raises(ResultError, match="stderr of e-0 is larger than 10 bytes"):
        fetcher.read_text(item, "stderr", limit=10)
    with pytest.raises(ResultError, match="holds no nope"):
        fetcher.read_text(item, "nope")
    with pytest.raises(ResultError, match="larger than 50 bytes"):
        fetcher.read_text(item, max_archive=50)


def test_a_deadline_ends_a_call(local, world):
    """Reading a log could delay the task's end by minutes."""
    (item,) = local(FILES)
    times = iter(range(100))
    fetcher = world.fetcher(policy=Policy(seconds=0.5), clock=lambda: float(next(times)))
    with pytest.raises(ResultError, match="time given"):
        fetcher.read_text(item)


def test_hosts_are_the_fetchers_own_rule(local, web, world, tmp_path):
    """The rule given would not be the one applied."""
    items = local(FILES)
    with pytest.raises(HostRefused):
        world.fetcher(allowed=allowed_hosts("https://bacalhau.acme.io", extra=["127.0.0.1"])).download(
            items, target=str(tmp_path / "o")
        )
    assert web.seen == []
