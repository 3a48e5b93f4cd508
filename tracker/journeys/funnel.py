"""How many people went through some steps, one after the other."""

from collections.abc import Sequence
from typing import NamedTuple

from tracker.journeys.persons import Note, Persons
from tracker.journeys.walk import Step, Walk

MAX_STEPS = 10


class Stage(NamedTuple):
    """One step of a funnel."""

    kind: str
    """``page`` for a page view, ``event`` for a track."""
    name: str
    """The page's path, or the event's name."""

    def fits(self, step: Step) -> bool:
        """Whether an event is this step."""
        if self.kind == "page":
            return step.type == "page" and step.path == self.name
        return step.type == "track" and step.event == self.name


def count(walk: Walk, stages: Sequence[Stage], window: int) -> list[int]:
    """How many people came to each step. All steps of one person lie within ``window``
    (microseconds) from the first, in their order, and each is another event."""
    persons = Persons()
    for step in walk:
        persons.saw(step)
        if mark := sum(1 << place for place, stage in enumerate(stages) if stage.fits(step)):
            persons.notes(step).add(step.time, mark)
    reached = [0] * len(stages)
    for did in persons.each():
        for place in range(_depth(did, len(stages), window)):
            reached[place] += 1
    return reached


def _depth(did: Sequence[Note], stages: int, window: int) -> int:
    """How many of the steps somebody made."""
    begun: list[int | None] = [None] * stages
    """Of each step: when the latest way began that led to it."""
    depth = 0
    for time, mark in did:
        for place in reversed(range(stages)):  # an event is one step of a way, not two
            if not mark >> place & 1:
                continue
            start = begun[place - 1] if place else time
            if start is not None and time - start <= window:
                begun[place] = start
                depth = max(depth, place + 1)
    return depth
