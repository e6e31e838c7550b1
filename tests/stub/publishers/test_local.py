"""The local publisher puts whole archives where the file server shows them."""

from __future__ import annotations

import tarfile

import pytest

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.job import SpecConfig
from orchestrator_stub.publishers.local import LocalPublisher


async def test_the_result_is_a_url(make_output, tmp_path):
    """FINDINGS-docker 4: urlDownload of <execution>.tar.gz, the same in /results."""
    publisher = LocalPublisher(tmp_path, "http://127.0.0.1:6001")
    published = await publisher.publish(make_output())
    assert published == SpecConfig("urlDownload", {"URL": "http://127.0.0.1:6001/e-1.tar.gz"})
    assert publisher.result(published, 0) == published
    with tarfile.open(tmp_path / "e-1.tar.gz") as archive:
        assert archive.getnames() == [".", "exitCode", "stderr", "stdout"]


async def test_nothing_half_written_is_shown(make_output, tmp_path):
    """A client could download half an archive, or find rests of a failed one."""
    output = make_output()
    output.stdout.unlink()
    shown = tmp_path / "shown"
    shown.mkdir()
    with pytest.raises(StepError, match="^local publisher failed to compress output file"):
        await LocalPublisher(shown, "http://h").publish(output)
    assert list(shown.iterdir()) == []


async def test_a_result_of_before_a_restart_is_where_the_file_server_is_now(make_output, tmp_path):
    """A stub that starts again on another port would hand out a URL that leads nowhere."""
    published = await LocalPublisher(tmp_path, "http://127.0.0.1:6001").publish(make_output())
    now = LocalPublisher(tmp_path, "http://127.0.0.1:40123").result(published, 0)
    assert now == SpecConfig("urlDownload", {"URL": "http://127.0.0.1:40123/e-1.tar.gz"})


async def test_the_archive_is_as_old_as_the_stubs_clock_says(make_output, tmp_path):
    """The file server would show the machine's date beside a virtual one."""
    output = make_output()
    await LocalPublisher(tmp_path, "http://h").publish(output)
    assert (tmp_path / "e-1.tar.gz").stat().st_mtime_ns == output.now
