"""A site's events as a file, of any size: for data frames, for SQL, for another system.

An export is written beside where it will stand (`exports.partial`), a chunk at a time. Each chunk
is on the disk before the place where the next begins is noted there, so a killed export goes on
from its last chunk.
"""

from collections.abc import Callable, Generator, Iterator
from typing import Literal

from msgspec import Struct, structs

from tracker import activity
from tracker.activity import Question
from tracker.errors import ConfigError
from tracker.event import Bots
from tracker.exports import as_csv, as_lines, as_parquet
from tracker.exports.form import Form
from tracker.exports.partial import Partial
from tracker.stores import Position, Store, Stored

Format = Literal["parquet", "ndjson", "csv"]

FORMS: dict[Format, Callable[[], Form]] = {
    "parquet": as_parquet.Parquet,
    "ndjson": as_lines.Lines,
    "csv": as_csv.Csv,
}

CHUNK = 10_000
"""So many events are written at a time: a row group, in Parquet."""

_PAGE = 5_000


class Wanted(Struct, frozen=True, kw_only=True):
    """What to export. Two exports of the same are one, of which the second goes on."""

    site: str
    since: int | None
    until: int | None
    bots: Bots
    format: Format


def write(store: Store, wanted: Wanted, partial: Partial, now: int) -> Generator[int, None, None]:
    """Write what is not written yet, and put it in the partial's folder; after each step, how many
    events there are by then. Without an end, what happened before ``now`` is exported: that of the
    first try. Raises `ConfigError`."""
    form = FORMS[wanted.format]()
    state = partial.state(wanted)
    yield state.rows
    if state.finished:
        return
    if state.until is None:
        state.until = now if wanted.until is None else wanted.until
    question = _question(wanted, state.until)
    if state.place is not None:
        question = structs.replace(question, after=Position(*state.place))
    for chunk, resume in () if state.written else _chunks(store, question):
        state.mark = form.append(partial.folder, state.mark, chunk)
        state.rows += len(chunk)
        state.place = resume
        state.written = resume is None
        partial.save(state)
        yield state.rows
    form.finish(partial.folder, state.mark)
    state.finished = True
    partial.save(state)


def rows(store: Store, wanted: Wanted, now: int) -> Iterator[bytes]:
    """The same, piece by piece, for who wants no file."""
    form = FORMS[wanted.format]()
    if not isinstance(form, as_lines.Lines):
        raise ConfigError(f"{wanted.format} is no text: give --output FILE")
    yield form.header()
    until = now if wanted.until is None else wanted.until
    for events, _ in _pages(store, _question(wanted, until)):
        yield from form.rows(events)


def _question(wanted: Wanted, until: int) -> Question:
    return Question(
        site=wanted.site,
        since=wanted.since,
        until=until,
        bots=wanted.bots,
        descending=False,
    )


def _chunks(store: Store, question: Question) -> Iterator[tuple[list[Stored], Position | None]]:
    """The events, many at a time, and after which place it goes on."""
    chunk: list[Stored] = []
    for events, resume in _pages(store, question):
        chunk += events
        if len(chunk) >= CHUNK or resume is None:
            yield chunk, resume
            chunk = []


def _pages(store: Store, question: Question) -> Iterator[tuple[list[Stored], Position | None]]:
    while True:
        page = activity.events(store, question, _PAGE)
        yield page.events, page.resume
        if page.resume is None:
            return
        question = structs.replace(question, after=page.resume)
