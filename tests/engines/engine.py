"""A part of AWS that runs on this machine."""

from dataclasses import dataclass

from tests.engines.ports import LOOPBACK
from tests.engines.program import Program

# Not a secret: the engines take any key. DynamoDB Local wants letters and digits alone.
ACCESS_KEY = "tracker"
REGION = "us-east-1"


@dataclass(frozen=True)
class Engine:
    program: Program
    port: int

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"


def aws_environment(url: str, *, dynamodb: str | None = None) -> dict[str, str]:
    """The environment in which any AWS SDK speaks to the engine at `url`, and to nothing else.

    With `dynamodb` that one service is at another engine. Only the SDK's own names: the code under
    test does not know that it is tested.
    """
    environment = {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": ACCESS_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    if dynamodb:
        environment["AWS_ENDPOINT_URL_DYNAMODB"] = dynamodb
    return environment
