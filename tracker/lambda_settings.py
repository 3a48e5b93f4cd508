"""The settings that only the Lambdas have: how the queue feeds the consumer, and what is logged."""

from collections.abc import Mapping

from msgspec import Struct

from tracker.errors import ConfigError

_BATCH_WITHOUT_WINDOW = 10
"""Lambda takes a larger batch only where it may wait for it."""

_YES = ("1", "true", "yes")
_NO = ("", "0", "false", "no")


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
    partial_failures: bool = False
    """Whether the mapping has ``ReportBatchItemFailures``, so that Lambda reads the answer."""
    log_sample: float = 0.01
    """The part of the invocations whose info lines are written."""


def read(environment: Mapping[str, str]) -> LambdaSettings:
    """Read the settings. Raises `ConfigError`."""
    usual = LambdaSettings()
    settings = LambdaSettings(
        batch=_whole(environment, "TRACKER_CONSUMER_BATCH", usual.batch, 1, 10_000),
        window_seconds=_whole(
            environment, "TRACKER_CONSUMER_WINDOW_SECONDS", usual.window_seconds, 0, 300
        ),
        concurrency=_whole(
            environment, "TRACKER_CONSUMER_CONCURRENCY", usual.concurrency, 2, 1_000
        ),
        partial_failures=_yes(environment, "TRACKER_PARTIAL_FAILURES"),
        log_sample=_part(environment, "TRACKER_LOG_SAMPLE", usual.log_sample),
    )
    if settings.batch > _BATCH_WITHOUT_WINDOW and settings.window_seconds == 0:
        raise ConfigError(
            f"TRACKER_CONSUMER_BATCH is {settings.batch}: Lambda takes more than"
            f" {_BATCH_WITHOUT_WINDOW} only with TRACKER_CONSUMER_WINDOW_SECONDS of 1 or more"
        )
    return settings


def _whole(environment: Mapping[str, str], name: str, usual: int, least: int, most: int) -> int:
    text = environment.get(name) or str(usual)
    if text.isascii() and text.isdigit() and len(text) < 9 and least <= int(text) <= most:
        return int(text)
    raise ConfigError(f"{name} is {text!r}: use a whole number from {least} to {most}")


def _part(environment: Mapping[str, str], name: str, usual: float) -> float:
    text = environment.get(name) or str(usual)
    try:
        number = float(text)
    except ValueError:
        number = -1
    if 0 <= number <= 1:
        return number
    raise ConfigError(f"{name} is {text!r}: use a number from 0 (none) to 1 (all)")


def _yes(environment: Mapping[str, str], name: str) -> bool:
    text = environment.get(name, "").lower()
    if text in _YES or text in _NO:
        return text in _YES
    raise ConfigError(f"{name} is {text!r}: use 1, or leave it empty")
