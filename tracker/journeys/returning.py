"""How many people come again, week by week after their first."""

from collections import Counter
from typing import NamedTuple

from tracker import timestamps
from tracker.journeys.persons import Persons
from tracker.journeys.walk import Walk

WEEK = 7 * timestamps.DAY
MAX_WEEKS = 106
"""Two years."""

_MONDAY = 4 * timestamps.DAY
"""1970-01-05."""


class Cohort(NamedTuple):
    """Those who came first in one week."""

    week: int
    """Its start, a Monday (UTC)."""
    returned: list[int]
    """How many of them were there in that week, in the next, and so on."""


def week_of(time: int) -> int:
    """The start of a time's week."""
    return time - (time - _MONDAY) % WEEK


def cohorts(walk: Walk, since: int, until: int) -> list[Cohort]:
    """Of each week from ``since`` (a week's start) on: who came first in it, and when again."""
    persons = Persons()
    for step in walk:
        persons.saw(step)
        week = (step.time - since) // WEEK
        notes = persons.notes(step)
        if notes.last != week:
            notes.add(step.time, week)
    first: Counter[int] = Counter()
    again: Counter[tuple[int, int]] = Counter()
    for did in persons.each():
        weeks = {note.mark for note in did}
        start = min(weeks)
        first[start] += 1
        again.update((start, week - start) for week in weeks)
    weeks_in_all = -(-(until - since) // WEEK)
    return [
        Cohort(
            since + start * WEEK,
            [again[start, later] for later in range(weeks_in_all - start)],
        )
        for start in sorted(first)
    ]
