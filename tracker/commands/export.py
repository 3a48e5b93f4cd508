"""Write out a site's events as a file, or all that is kept of one person."""

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tracker import export, exports, timestamps, wiring
from tracker.commands import estimate, terminal
from tracker.commands.events import add_site_and_times
from tracker.commands.progress import Progress
from tracker.config import Config
from tracker.errors import ConfigError
from tracker.exports import Format, Wanted
from tracker.exports.partial import Partial
from tracker.reading import parameters
from tracker.stores import Store

_S3 = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(.*[^/])")
_SUFFIXES: dict[str, Format] = {".parquet": "parquet", ".csv": "csv", ".ndjson": "ndjson"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``export`` takes."""
    parser.add_argument("--user", metavar="ID", help="all that is kept of this person, as JSON")
    add_site_and_times(parser)
    parser.add_argument(
        "--format",
        choices=tuple(exports.FORMS),
        help="default: what the output's name ends with, else ndjson",
    )
    parser.add_argument(
        "--output",
        metavar="FILE",
        help="a file, or s3://BUCKET/KEY; what was stopped goes on by the same command",
    )


def run(given: argparse.Namespace, settings: Config) -> int:
    """Write it."""
    site = terminal.one_site(given.site, settings)
    if given.user is not None:
        return _person(given, settings, site)
    wanted = Wanted(
        site=site,
        since=terminal.instant("since", given.since),
        until=terminal.instant("until", given.until),
        bots=parameters.bots({"bots": given.bots} if given.bots else {}),
        format=given.format or _SUFFIXES.get(Path(given.output or "").suffix, "ndjson"),
    )
    store = wiring.existing_parts(settings).store
    if given.output is None:
        return _print(exports.rows(store, wanted, timestamps.now()))
    try:
        if given.output.startswith("s3:"):
            count = _to_s3(store, wanted, given.output)
        else:
            with Partial(Path(given.output)) as partial:
                count = _write(store, wanted, partial)
                partial.put_in_place()
    except OSError as error:
        raise ConfigError(
            f"{error.filename or given.output} cannot be written: {error.strerror or error}"
            " (the same command goes on from there)"
        ) from None
    terminal.say(f"{count} events of site {site!r} are in {given.output}.")
    return 0


def _person(given: argparse.Namespace, settings: Config, site: str) -> int:
    if not given.user:
        raise ConfigError("a user id is not empty")
    if any((given.since, given.until, given.bots, given.format, given.output)):
        raise ConfigError("--user is all that is kept of a person, as JSON: leave out the others")
    store = wiring.existing_parts(settings).store
    return _print(export.person(store, site, given.user))


def _print(pieces: Iterator[bytes]) -> int:
    for piece in pieces:
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
    return 0


def _write(store: Store, wanted: Wanted, partial: Partial) -> int:
    count = 0
    total = estimate.events(store, wanted.site, wanted.since, wanted.until, wanted.bots)
    with Progress("Events", total) as progress:
        for count in exports.write(store, wanted, partial, timestamps.now()):
            progress.reach(count)
    return count


def _to_s3(store: Store, wanted: Wanted, output: str) -> int:
    """By way of a folder here, since S3 takes nothing twice."""
    named = _S3.fullmatch(output)
    if not named:
        raise ConfigError(f"{output!r} is no place in S3: use s3://BUCKET/KEY")
    from tracker.aws import upload

    place = upload.Place(*named.groups())
    with Partial(Path(Path(place.key).name)) as partial:
        count = _write(store, wanted, partial)
        with Progress("Bytes", partial.whole.stat().st_size) as progress:
            for sent in upload.upload(partial.whole, place):
                progress.reach(sent)
        partial.remove()
    return count
