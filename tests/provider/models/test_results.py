"""Reading a published result."""

from __future__ import annotations

import pytest

from airflow_provider_bacalhau.models.results import PublishedResult


def test_recorded_s3_results_are_read(recorded, release):
    """Signed and unsigned results would be mixed up."""
    signed = PublishedResult.read(recorded(release, "42", "results-plain-key")["Items"][0])
    assert signed.type == "s3PreSigned"
    assert signed.params["SourceSpec"]["Bucket"] == "results"
    assert "X-Amz-Signature" in signed.params["PreSignedURL"]


def test_the_documents_result_is_read(page):
    """The result that the user's document prints would not be readable."""
    result = PublishedResult.read(page["job_results"]["Results"][0])
    assert result.type == "s3"
    assert result.params["Key"] == "my-prefix/my-result-file.tar.gz"
    assert result.to_plain() == page["job_results"]["Results"][0]


@pytest.mark.parametrize("body", [{"Type": "", "Params": None}, {"Type": ""}])
def test_no_result_is_read_as_an_empty_type(body):
    """The document's server sends one such item per execution without publisher."""
    assert PublishedResult.read(body) == PublishedResult(type="")
