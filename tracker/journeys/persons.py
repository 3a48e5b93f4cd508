"""What each person did, out of a walk through everybody's events.

Who is who follows from the events of the walk, by the rules of `tracker.identity`: so a person is
one before and after a log-in, and on all devices on which they logged in.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from tracker.event import person_of_user, person_of_visitor
from tracker.journeys.walk import Step

MAX_NOTES = 5000
"""So much is noted of one user id or anonymous id at the most; what it did later is not."""


class Note(NamedTuple):
    """Something that a person did."""

    time: int
    mark: int
    """What it was: the caller's number, at most 65 535."""


class Notes:
    """What is noted of one user id, or of an anonymous id where no user id stands beside it."""

    def __init__(self) -> None:
        self._times = array("q")
        self._marks = array("H")

    def add(self, time: int, mark: int) -> None:
        """Note something, later than all before."""
        if len(self._times) < MAX_NOTES:
            self._times.append(time)
            self._marks.append(mark)

    def __iter__(self) -> Iterator[Note]:
        return map(Note, self._times, self._marks)

    @property
    def last(self) -> int | None:
        """The last mark."""
        return self._marks[-1] if self._marks else None


class Persons:
    """Takes what everybody did, in the order of time, and gives it person by person."""

    def __init__(self) -> None:
        self._users: dict[str, Notes] = {}
        self._visitors: dict[str, Notes] = {}
        self._links: dict[str, list[tuple[int, str]]] = {}
        """Of each anonymous id: since when it was seen with each of its users."""
        self._same: dict[str, str] = {}
        """From a user id to another of the same person, up to one that stands for all."""

    def saw(self, step: Step) -> None:
        """Learn from an event who is who."""
        if step.user_id is None:
            return
        if step.anonymous_id is not None:
            self._link(step.anonymous_id, step.time, step.user_id)
        if step.previous_id is not None:
            # An alias does not tell which kind of id its other id is.
            self._link(step.previous_id, step.time, step.user_id)
            self._same[self._root(step.previous_id)] = self._root(step.user_id)

    def notes(self, step: Step) -> Notes:
        """Where to note what an event was."""
        if step.user_id is not None:
            return self._users.setdefault(step.user_id, Notes())
        return self._visitors.setdefault(step.anonymous_id or "", Notes())

    def each(self) -> Iterator[list[Note]]:
        """What each person did, from the first on."""
        found: dict[str, list[Note]] = {}
        for user_id, notes in self._users.items():
            found.setdefault(person_of_user(self._root(user_id)), []).extend(notes)
        for anonymous_id, notes in self._visitors.items():
            for note in notes:
                found.setdefault(self._owner(anonymous_id, note.time), []).append(note)
        for did in found.values():
            did.sort(key=_time)
            yield did

    def _link(self, anonymous_id: str, time: int, user_id: str) -> None:
        links = self._links.setdefault(anonymous_id, [])
        if all(user_id != other for _, other in links):
            links.append((time, user_id))

    def _owner(self, anonymous_id: str, time: int) -> str:
        """The user who is next seen with a visitor, else the last one who was."""
        links = self._links.get(anonymous_id)
        if not links:
            return person_of_visitor(anonymous_id)
        place = bisect_left(links, time, key=_since)
        return person_of_user(self._root(links[min(place, len(links) - 1)][1]))

    def _root(self, user_id: str) -> str:
        while (same := self._same.get(user_id, user_id)) != user_id:
            self._same[user_id] = self._same.get(same, same)
            user_id = same
        return user_id


def _time(note: Note) -> int:
    return note.time


def _since(link: tuple[int, str]) -> int:
    return link[0]
