"""How fast the kit is: one table, each figure beside its reference of the same run.

    make bench
    make bench ARGS="--only embedded --seconds 20"
    make bench ARGS="--only reading --sizes 100000,10000000 --json"

The numbers are of this machine. What tells of the kit is how they stand to their references.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from bench.figure import Figure, table
from bench.options import ROOT, Options

PARTS = ("embedded", "collector", "consumer", "reading", "start", "bursts")
RESULTS = ROOT / "bench" / "results"


def main() -> None:
    """Measure, show, and keep the results as JSON."""
    given = _arguments()
    results: dict[str, list[Figure]] = {}
    for part in given.only or PARTS:
        measure: Callable[[Options], Iterator[Figure]] = import_module(f"bench.{part}").measure
        with (
            _environment(),
            tempfile.TemporaryDirectory(prefix="bench-", dir=given.scratch) as scratch,
        ):
            options = Options(given.seconds, given.sizes, given.devices, Path(scratch))
            results[part] = []
            for figure in measure(options):
                results[part].append(figure)
                sys.stderr.write(f"{figure.what}: {figure.value:,.2f} {figure.unit}\n")
    RESULTS.mkdir(exist_ok=True)
    content = {
        part: [{**figure._asdict(), "ratio": figure.ratio} for figure in figures]
        for part, figures in results.items()
    }
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    (RESULTS / "speed.json").write_text(text)
    all_of_them = [figure for figures in results.values() for figure in figures]
    sys.stdout.write(text if given.json else table(all_of_them))


@contextmanager
def _environment() -> Iterator[None]:
    """One in which no settings and no account are known; what a part sets is that part's alone."""
    kept = dict(os.environ)
    for name in kept:
        if name.startswith(("AWS_", "TRACKER_")):
            del os.environ[name]
    os.environ |= {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make bench", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--only", action="append", choices=PARTS, help="this part; may come again")
    parser.add_argument("--seconds", type=_positive, default=60, help="of a load that lasts (60)")
    parser.add_argument(
        "--sizes",
        type=lambda text: tuple(map(_positive, text.split(","))),
        default=(100_000, 1_000_000),
        help="of the stores that are read, in events (100000,1000000)",
    )
    parser.add_argument("--devices", type=_positive, default=10_000, help="of a burst (10000)")
    parser.add_argument("--scratch", type=Path, help="a folder on the disk to measure")
    parser.add_argument("--json", action="store_true", help="for programs")
    return parser.parse_args()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


if __name__ == "__main__":
    main()
