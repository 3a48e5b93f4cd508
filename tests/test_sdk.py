"""The SDK's clients are what botocore makes, only sooner."""

from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import NoRegionError

from tracker import sdk


@pytest.mark.parametrize("service", ["sqs", "dynamodb"])
@pytest.mark.parametrize("region", ["us-east-1", "eu-central-2", "cn-north-1", "us-gov-west-1"])
def test_a_client_is_the_one_that_botocore_makes(
    service: str, region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    made = sdk.client(service, Config())
    usual: Any = botocore.session.get_session().create_client(service)
    assert made.meta.endpoint_url == usual.meta.endpoint_url
    assert made.meta.partition == usual.meta.partition
    assert made.meta.method_to_api_mapping == usual.meta.method_to_api_mapping
    assert made.meta.config.signature_version == usual.meta.config.signature_version
    assert made.meta.service_model.signing_name == usual.meta.service_model.signing_name


def test_without_a_region_it_says_so_as_botocore_does() -> None:
    with pytest.raises(NoRegionError):
        sdk.client("sqs", Config())
