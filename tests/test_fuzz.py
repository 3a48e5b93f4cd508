"""Whatever comes, the kit answers; what it takes, it stores, and gives back as valid JSON."""

import sys
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import Rounds
from tests.fuzz.mutator import Mutator
from tests.fuzz.targets import TARGETS

# Together more than a million.
LONG = {
    "events": 400_000,
    "bodies": 200_000,
    "cursors": 100_000,
    "queries": 100_000,
    "times": 300_000,
}


@pytest.mark.parametrize("name", TARGETS)
def test_inputs_that_are_nearly_right_break_nothing(
    name: str, rounds: Rounds, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = TARGETS[name]
    one, end = target.start(tmp_path)
    count = rounds(5_000, LONG[name])
    mutator = Mutator(target.corpus, 20_261_122, target.shape)
    for _ in range(count):
        data = mutator.next()
        try:
            one(data)
        except BaseException as error:
            error.add_note(f"the input: {data!r}")
            raise
    end()
    with capsys.disabled():
        sys.stdout.write(f"\n{name}: {count} inputs\n")


@pytest.mark.parametrize("name", [name for name, target in TARGETS.items() if target.shape])
def test_inputs_of_the_right_shape_break_nothing(name: str, rounds: Rounds, tmp_path: Path) -> None:
    """The same by hypothesis, which shrinks what it finds."""
    target = TARGETS[name]
    assert target.shape
    shape = target.shape
    one, end = target.start(tmp_path)

    @settings(max_examples=rounds(100, 5_000), deadline=None, derandomize=True, database=None)
    @given(st.randoms(use_true_random=False))
    def told(chance: Random) -> None:
        one(shape(chance))

    told()
    end()
