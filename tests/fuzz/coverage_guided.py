"""Fuzzing that looks for inputs which reach code that none before has reached, by atheris.

``python -m tests.fuzz.coverage_guided TARGET [libFuzzer's options]``: see `tests.fuzz.targets`.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import atheris

with atheris.instrument_imports(include=["tracker"]):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    name, *options = sys.argv[1:]
    target = TARGETS[name]
    with TemporaryDirectory() as scratch:
        known, data = Path(scratch, "known"), Path(scratch, "data")
        for folder in (known, data):
            folder.mkdir()
        for number, text in enumerate(target.corpus):
            (known / str(number)).write_bytes(text)
        one, _ = target.start(data)
        atheris.Setup([sys.argv[0], *options, "-max_len=4096", str(known)], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
