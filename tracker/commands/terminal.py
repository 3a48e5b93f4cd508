"""How the commands speak with who started them."""

import sys

from tracker.config import Config
from tracker.errors import ConfigError, Problem
from tracker.reading import parameters


def say(line: str) -> None:
    """Print a line, at once."""
    print(line, flush=True)


def nothing(what: str, bots: str | None) -> None:
    """Say that a list is empty, and what may be why."""
    why = "" if bots else "; bots are left out: --bots include shows them, too"
    say(f"({what}{why})")


def ask(question: str, *, wanted: str = "yes", yes: bool = False, else_: str) -> None:
    """Go on only if the answer is the wanted one; ``else_`` says what is so if not. Raises
    `ConfigError`."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigError("there is nobody to ask: give --yes to go on without a question")
    print(f"{question} ", end="", flush=True)
    if sys.stdin.readline().strip() != wanted:
        raise ConfigError(else_)


def one_site(given: str | None, settings: Config) -> str:
    """The site that was given, or the only one there is. Raises `ConfigError`."""
    sites = settings.site_names
    if given is None and len(sites) != 1:
        raise ConfigError(f"which site? Give --site with one of {', '.join(sites)}")
    if given is not None and given not in sites and settings.keys.sites:
        raise ConfigError(f"there is no site {given!r}: there are {', '.join(sites)}")
    return given or sites[0]


def instant(option: str, given: str | None) -> int | None:
    """A point in time that was given. Raises `ConfigError`."""
    if given is None:
        return None
    try:
        return parameters.instant({option: given}, option)
    except Problem as error:
        raise ConfigError(f"--{error.detail}".rstrip(".")) from None
