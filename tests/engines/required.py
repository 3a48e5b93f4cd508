"""What to do when a part that a test needs is not on this machine."""

import os
from typing import NoReturn

import pytest


def required(part: str, reason: str) -> NoReturn:
    """End the test: skipped with the reason on a developer's machine, failed where CI=true."""
    message = f"{part} is missing: {reason}"
    if os.environ.get("CI") == "true":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)
