"""The settings that only the Lambdas have: how the queue feeds the consumer and the stream the
counter, and what is logged."""

from collections.abc import Mapping

from msgspec import Struct

from tracker.config import setting
from tracker.errors import ConfigError

_BATCH_WITHOUT_WINDOW = 10
"""Lambda takes a larger batch only where it may wait for it."""


class LambdaSettings(Struct, frozen=True, kw_only=True):
    """How the Lambdas of a deployment work."""

    batch: int = 100
    """The most messages an invocation of the consumer gets. Under load, what they have in common
    (an invocation, the entries of the site's list) is paid once for all of them; 100 messages of
    10 events are stored in about a second."""
    window_seconds: int = 2
    """How long Lambda may wait to fill a batch. Shorter than anybody notices on a live page, and
    with more than a request in two seconds it saves invocations."""
    concurrency: int = 5
    """How many consumers run at once, at the most. Five store some thousand events a second; and
    an account that is new has 10 Lambdas at once for everything: a burst waits in the queue,
    rather than to keep the API from taking events. DynamoDB sees no more than these."""
    requests_per_second: int = 0
    """How many requests the API's stage answers; what is beyond gets 429. 0: as it is set there,
    else as many as the account may have. It bounds what a flood costs."""
    counter_batch: int = 1_000
    """The most changes of the events' table that an invocation of the counter gets. What they have
    in common, the pages of counts, is written once for all of them."""
    counter_window_seconds: int = 60
    """How long Lambda may wait to fill such a batch: so far, counts are behind. Where few events
    come, a longer one saves the most."""
    partial_failures: bool = False
    """Whether the mapping has ``ReportBatchItemFailures``, so that Lambda reads the answer."""
    log_sample: float = 0.01
    """The part of the invocations whose info lines are written."""


def read(environment: Mapping[str, str]) -> LambdaSettings:
    """Read the settings. Raises `ConfigError`."""
    usual = LambdaSettings()
    settings = LambdaSettings(
        batch=setting.whole(environment, "TRACKER_CONSUMER_BATCH", usual.batch, 1, 10_000),
        window_seconds=setting.whole(
            environment, "TRACKER_CONSUMER_WINDOW_SECONDS", usual.window_seconds, 0, 300
        ),
        concurrency=setting.whole(
            environment, "TRACKER_CONSUMER_CONCURRENCY", usual.concurrency, 2, 1_000
        ),
        requests_per_second=setting.whole(
            environment, "TRACKER_RATE_PER_STAGE", usual.requests_per_second, 0, 100_000
        ),
        counter_batch=setting.whole(
            environment, "TRACKER_COUNTER_BATCH", usual.counter_batch, 1, 10_000
        ),
        counter_window_seconds=setting.whole(
            environment, "TRACKER_COUNTER_WINDOW_SECONDS", usual.counter_window_seconds, 0, 300
        ),
        partial_failures=setting.yes(environment, "TRACKER_PARTIAL_FAILURES"),
        log_sample=setting.part(environment, "TRACKER_LOG_SAMPLE", usual.log_sample),
    )
    if settings.batch > _BATCH_WITHOUT_WINDOW and settings.window_seconds == 0:
        raise ConfigError(
            f"TRACKER_CONSUMER_BATCH is {settings.batch}: Lambda takes more than"
            f" {_BATCH_WITHOUT_WINDOW} only with TRACKER_CONSUMER_WINDOW_SECONDS of 1 or more"
        )
    return settings
