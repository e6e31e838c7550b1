"""Where results go."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_bacalhau.errors import ConfigError, ResultError
from airflow_provider_bacalhau.results.target import Target, parse_target, place_in_folder, place_in_s3, staging


@pytest.fixture
def tree(tmp_path):
    def make(**files):
        root = tmp_path / "stage" / "tree"
        root.mkdir(parents=True)
        for name, content in files.items():
            path = root / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return root

    return make


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("/data/out/", Target(folder=Path("/data/out"))),
        ("file:///data/my%20out", Target(folder=Path("/data/my out"))),
        ("s3://b/p/q", Target(bucket="b", prefix="p/q/")),
        ("s3://b/p/", Target(bucket="b", prefix="p/")),
        ("s3://b", Target(bucket="b")),
    ],
)
def test_targets(text, target):
    """Results would go elsewhere."""
    assert parse_target(text) == target


@pytest.mark.parametrize("text", ["", "out", "./out", "/", "s3://", "s3:///p", "gs://b/p", "~/x"])
def test_what_is_no_target_is_refused(text):
    """A relative path would mean another folder on every worker."""
    with pytest.raises(ConfigError, match="target="):
        parse_target(text)


def test_preparing_leaves_nothing_and_says_why_it_cannot(tmp_path):
    """Partial folders would pile up."""
    target = Target(folder=tmp_path / "a" / "b")
    with staging(target) as stage:
        assert stage.parent == tmp_path / "a"
    assert list((tmp_path / "a").iterdir()) == []
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ResultError, match="is a file"), staging(Target(folder=tmp_path / "file")):
        pass
    with pytest.raises(ResultError, match="Nothing can be written"), staging(Target(folder=tmp_path / "file" / "x")):
        pass


def test_preparing_stays_on_the_targets_own_disk(tmp_path):
    """A mounted folder could not be reached by renaming."""
    with staging(Target(folder=tmp_path)) as stage:
        assert stage.parent == tmp_path


def test_a_new_folder_appears_whole(tree, tmp_path):
    """Downstream could see half a result."""
    assert place_in_folder(tree(stdout=b"1"), tmp_path / "t", layout="merged", overwrite="fail") == [
        str(tmp_path / "t/stdout")
    ]


def test_per_execution_replaces_the_folder_of_that_execution_alone(tree, tmp_path):
    """Files of an earlier run would mix with the new ones, or other executions' results vanish."""
    for name in ("e-1/old", "e-2/kept"):
        (tmp_path / "t" / name).parent.mkdir(parents=True)
        (tmp_path / "t" / name).write_bytes(b"")
    uris = place_in_folder(tree(**{"e-1__new": b"1"}), tmp_path / "t", layout="per-execution", overwrite="replace")
    assert uris == [str(tmp_path / "t/e-1/new")]
    assert sorted(str(path.relative_to(tmp_path / "t")) for path in (tmp_path / "t").rglob("*")) == [
        "e-1",
        "e-1/new",
        "e-2",
        "e-2/kept",
    ]


def test_merged_replaces_files_and_leaves_others_alone(tree, tmp_path):
    """A target such as /data would be emptied."""
    (tmp_path / "t/outputs").mkdir(parents=True)
    (tmp_path / "t/outputs/mine").write_bytes(b"mine")
    (tmp_path / "t/stdout").write_bytes(b"old")
    place_in_folder(tree(stdout=b"new", outputs__a=b"1"), tmp_path / "t", layout="merged", overwrite="replace")
    content = {path.name: path.read_bytes() for path in (tmp_path / "t").rglob("*") if path.is_file()}
    assert content == {"mine": b"mine", "stdout": b"new", "a": b"1"}


@pytest.mark.parametrize("layout", ["merged", "per-execution"])
def test_fail_writes_nothing_when_something_is_there(tree, tmp_path, layout):
    """overwrite='fail' would overwrite a part first."""
    (tmp_path / "t/b").mkdir(parents=True)
    (tmp_path / "t/b/x").write_bytes(b"old")
    with pytest.raises(ResultError, match="overwrite='fail'"):
        place_in_folder(tree(a__x=b"1", b__x=b"2"), tmp_path / "t", layout=layout, overwrite="fail")
    assert [path.name for path in (tmp_path / "t").iterdir()] == ["b"]
    assert (tmp_path / "t/b/x").read_bytes() == b"old"


def test_merging_does_not_follow_links_or_replace_folders(tree, tmp_path):
    """A result could be written wherever a link in the target leads."""
    (tmp_path / "t").mkdir()
    (tmp_path / "t/outputs").symlink_to(tmp_path)
    with pytest.raises(ResultError, match="link or file"):
        place_in_folder(tree(outputs__a=b"1"), tmp_path / "t", layout="merged", overwrite="replace")
    (tmp_path / "t/outputs").unlink()
    (tmp_path / "t/outputs/a").mkdir(parents=True)
    with pytest.raises(ResultError, match="is a folder"):
        place_in_folder(tmp_path / "stage/tree", tmp_path / "t", layout="merged", overwrite="replace")


def test_s3_gets_every_file(tree, s3):
    """Results would not reach the bucket."""
    root = tree(stdout=b"1", outputs__a=b"2")
    (root / "latest").symlink_to("stdout")
    (root / "loose").symlink_to("nowhere")
    notes = []
    uris = place_in_s3(root, parse_target("s3://results/p"), lambda place: s3, overwrite="replace", note=notes.append)
    assert uris == ["s3://results/p/latest", "s3://results/p/stdout", "s3://results/p/outputs/a"]
    assert s3.get_object(Bucket="results", Key="p/latest")["Body"].read() == b"1"
    assert s3.get_object(Bucket="results", Key="p/outputs/a")["Body"].read() == b"2"
    assert "loose" in notes[0]


def test_s3_fail_uploads_nothing_when_a_key_is_there(tree, s3):
    """overwrite='fail' would overwrite a part first."""
    s3.put_object(Bucket="results", Key="p/z", Body=b"old")
    with pytest.raises(ResultError, match="s3://results/p/z exists"):
        place_in_s3(
            tree(a=b"1", z=b"2"), parse_target("s3://results/p"), lambda place: s3, overwrite="fail", note=print
        )
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket="results")["Contents"]] == ["p/z"]


def test_s3_fail_takes_back_what_it_uploaded_before_an_error(tree, s3, monkeypatch):
    """The next try would find its own leftovers and fail for ever."""
    real = s3.upload_file

    def second_fails(path, bucket, key):
        return real(path, bucket if key.endswith("a") else "nope", key)

    monkeypatch.setattr(s3, "upload_file", second_fails)
    with pytest.raises(ResultError, match="NoSuchBucket"):
        place_in_s3(tree(a=b"1", b=b"2"), parse_target("s3://results"), lambda place: s3, overwrite="fail", note=print)
    assert s3.list_objects_v2(Bucket="results")["KeyCount"] == 0
