"""The settings of the Lambdas: their defaults hold, and nonsense is one clear line."""

import pytest

from tracker.config import lambdas
from tracker.config.lambdas import LambdaSettings
from tracker.errors import ConfigError


def test_what_is_not_set_is_the_default() -> None:
    assert lambdas.read({}) == LambdaSettings()
    assert lambdas.read({"TRACKER_CONSUMER_BATCH": ""}) == LambdaSettings()


def test_every_setting_is_read() -> None:
    environment = {
        "TRACKER_CONSUMER_BATCH": "10",
        "TRACKER_CONSUMER_WINDOW_SECONDS": "0",
        "TRACKER_CONSUMER_CONCURRENCY": "1000",
        "TRACKER_RATE_PER_STAGE": "200",
        "TRACKER_COUNTER_BATCH": "100",
        "TRACKER_COUNTER_WINDOW_SECONDS": "0",
        "TRACKER_PARTIAL_FAILURES": "true",
        "TRACKER_LOG_SAMPLE": "1",
    }
    assert lambdas.read(environment) == LambdaSettings(
        batch=10,
        window_seconds=0,
        concurrency=1000,
        requests_per_second=200,
        counter_batch=100,
        counter_window_seconds=0,
        partial_failures=True,
        log_sample=1.0,
    )


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("TRACKER_CONSUMER_BATCH", "0", "from 1 to 10000"),
        ("TRACKER_CONSUMER_BATCH", "many", "from 1 to 10000"),
        ("TRACKER_CONSUMER_BATCH", "9" * 5000, "from 1 to 10000"),
        ("TRACKER_CONSUMER_BATCH", "²", "from 1 to 10000"),
        ("TRACKER_CONSUMER_WINDOW_SECONDS", "-1", "from 0 to 300"),
        ("TRACKER_CONSUMER_WINDOW_SECONDS", "0", "1 or more"),
        ("TRACKER_CONSUMER_CONCURRENCY", "1", "from 2 to 1000"),
        ("TRACKER_COUNTER_BATCH", "10001", "from 1 to 10000"),
        ("TRACKER_COUNTER_WINDOW_SECONDS", "301", "from 0 to 300"),
        ("TRACKER_PARTIAL_FAILURES", "perhaps", "use 1"),
        ("TRACKER_LOG_SAMPLE", "2", "from 0 (none) to 1 (all)"),
        ("TRACKER_LOG_SAMPLE", "nan", "from 0 (none) to 1 (all)"),
        ("TRACKER_LOG_SAMPLE", "some", "from 0 (none) to 1 (all)"),
    ],
)
def test_nonsense_is_one_line_that_says_what_to_use(name: str, value: str, says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        lambdas.read({name: value})
    line = str(refused.value)
    assert name in line
    assert says in line
    assert "\n" not in line
