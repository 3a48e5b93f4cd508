"""One setting of the environment, read as what it should be. Each raises `ConfigError`."""

from collections.abc import Mapping

from tracker.errors import ConfigError

_YES = ("1", "true", "yes")
_NO = ("", "0", "false", "no")


def whole(environment: Mapping[str, str], name: str, usual: int, least: int, most: int) -> int:
    """A whole number."""
    text = environment.get(name) or str(usual)
    if text.isascii() and text.isdigit() and len(text) < 9 and least <= int(text) <= most:
        return int(text)
    raise ConfigError(f"{name} is {text!r}: use a whole number from {least} to {most}")


def part(environment: Mapping[str, str], name: str, usual: float) -> float:
    """A number from 0 to 1."""
    text = environment.get(name) or str(usual)
    try:
        number = float(text)
    except ValueError:
        number = -1
    if 0 <= number <= 1:
        return number
    raise ConfigError(f"{name} is {text!r}: use a number from 0 (none) to 1 (all)")


def yes(environment: Mapping[str, str], name: str) -> bool:
    """Whether something is on."""
    text = environment.get(name, "").lower()
    if text in _YES or text in _NO:
        return text in _YES
    raise ConfigError(f"{name} is {text!r}: use 1, or leave it empty")
