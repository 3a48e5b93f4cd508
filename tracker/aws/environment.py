"""A function's environment, and the keys in it: they belong to the stage, not to the code."""

from collections.abc import Mapping

KEYS = ("TRACKER_SITES", "TRACKER_READ_TOKENS", "TRACKER_SECRET")
"""The settings that hold keys: they belong to the stage, not to a version of the code."""


def without_keys(environment: Mapping[str, str]) -> dict[str, str]:
    """A function's environment, but for the keys."""
    return {name: value for name, value in environment.items() if name not in KEYS}


def with_keys_of(earlier: Mapping[str, str], now: Mapping[str, str]) -> dict[str, str]:
    """An earlier environment, with the keys of today's."""
    return without_keys(earlier) | {name: now[name] for name in KEYS if name in now}
