"""How long a cold Lambda takes to its first answer, beside a floor measured in the same run.

    make bench-cold-start

Each start is a process of its own; entries and floors take turns, and the median of many is
shown. The floor is ``import chalice`` and one botocore client of the kind the job uses, with one
call. Both speak plain HTTP to an endpoint on this machine, so TLS, which costs each the same, is
in neither. What a Lambda's package holds is measured with bytecode beside the sources and without
(Chalice ships none); botocore, which the Lambda runtime brings, always has its own.
"""

import argparse
import compileall
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Any, NamedTuple

from bench import endpoint, gateway, package_size
from tracker.batch import Batch
from tracker.config import hash_token

ROOT = Path(__file__).parents[1]
STARTS = ROOT / "bench" / "starts"
RESULTS = ROOT / "bench" / "results"
SHIPPED = ("chalice", "msgspec", "pynamodb")
"""What a package holds beside ours, as far as a start imports it."""

Milliseconds = tuple[float, float]
"""To the end of the imports, and to the first answer."""


class Job(NamedTuple):
    """What one Lambda does first when it is cold, and the call it cannot do without."""

    function: str
    event: dict[str, Any]
    service: str
    operation: str
    parameters: dict[str, Any]


class Row(NamedTuple):
    """One line of the table, in milliseconds."""

    entry: str
    bytecode: bool
    imports: float
    answer: float
    floor: float
    ratio: float
    """Of an entry and the floor right before it; the median, so that what else the machine does
    meets both alike."""


EVENT = {"type": "page", "anonymousId": "v", "messageId": "m", "properties": {"path": "/"}}
EVENTS = json.dumps({"batch": [EVENT] * 10, "writeKey": "key"})
MESSAGE = Batch(id="b", site="shop", received_at=1_795_000_000_000_000)


def _jobs(url: str) -> dict[str, Job]:
    record = {
        "messageId": "1",
        "receiptHandle": "1",
        "body": json.dumps({**json.loads(MESSAGE.encode()), "events": [EVENT]}),
    }
    key = {"pk": {"S": "p"}, "sk": {"S": "s"}}
    return {
        "take an event": Job(
            "app",
            gateway.request("POST", "/v1/batch", body=EVENTS),
            "sqs",
            "SendMessage",
            {"QueueUrl": f"{url}/1/queue", "MessageBody": EVENTS},
        ),
        "read": Job(
            "app",
            gateway.request(
                "GET", "/v1/events", multiValueQueryStringParameters={"user_id": ["u"]}
            ),
            "dynamodb",
            "Query",
            {
                "TableName": "t-events",
                "KeyConditionExpression": "pk = :pk",
                "ExpressionAttributeValues": {":pk": {"S": "p"}},
            },
        ),
        "store": Job(
            "consume",
            {"Records": [record]},
            "dynamodb",
            "BatchWriteItem",
            {"RequestItems": {"t-events": [{"PutRequest": {"Item": key}}]}},
        ),
    }


def _environment(url: str, package: Path) -> dict[str, str]:
    """A Lambda's, with the endpoint in AWS's place."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(package),
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_LAMBDA_FUNCTION_NAME": "t",
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "key",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "TRACKER_SITES": '{"shop": {"write_keys": ["key"]}}',
        "TRACKER_READ_TOKENS": json.dumps({hash_token("token"): "shop"}),
        "TRACKER_QUEUE_URL": f"{url}/1/queue",
        "TRACKER_TABLES": "t",
        "TRACKER_PARTIAL_FAILURES": "1",
    }


def _stage(package: Path, *, bytecode: bool) -> None:
    """Put what a Lambda's package holds into a folder."""
    no_bytecode = shutil.ignore_patterns("__pycache__")
    for name in SHIPPED:
        found = find_spec(name)
        if found is None or found.origin is None:
            raise SystemExit(f"bench: there is no {name}: run `make setup`")
        shutil.copytree(Path(found.origin).parent, package / name, ignore=no_bytecode)
    shutil.copytree(ROOT / "tracker", package / "tracker", ignore=no_bytecode)
    shutil.copy(ROOT / "app.py", package)
    if bytecode:
        compileall.compile_dir(package, quiet=2, invalidation_mode=PycInvalidationMode.CHECKED_HASH)


def _start(
    program: str, arguments: tuple[str, ...], environment: Mapping[str, str]
) -> Milliseconds:
    """One cold start."""
    done = subprocess.run(  # noqa: S603  (our own programs)
        [sys.executable, str(STARTS / program), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"bench: {program} {arguments[0]}: {done.stderr.strip()[-2000:]}")
    imports, answer = json.loads(done.stdout.splitlines()[-1])
    return imports, answer


def measure(runs: int, *, bytecode: bool) -> list[Row]:
    """Start every entry and every floor so often."""
    with tempfile.TemporaryDirectory() as folder, endpoint.running() as url:
        _stage(Path(folder), bytecode=bytecode)
        environment = _environment(url, Path(folder))
        jobs = _jobs(url)
        entries: dict[str, list[Milliseconds]] = {name: [] for name in jobs}
        floors: dict[str, list[Milliseconds]] = {name: [] for name in jobs}
        for run in range(runs + 1):
            for name, job in jobs.items():
                call = (job.service, job.operation, json.dumps(job.parameters))
                floor = _start("floor.py", call, environment)
                entry = _start("entry.py", (job.function, json.dumps(job.event)), environment)
                if run:  # the first one only warms the disk's cache
                    floors[name].append(floor)
                    entries[name].append(entry)
    return [
        Row(
            name,
            bytecode,
            statistics.median(imports for imports, _ in entries[name]),
            statistics.median(answer for _, answer in entries[name]),
            statistics.median(answer for _, answer in floors[name]),
            statistics.median(
                entry[1] / floor[1]
                for entry, floor in zip(entries[name], floors[name], strict=True)
            ),
        )
        for name in jobs
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=15, help="starts of each entry (15)")
    parser.add_argument("--package", type=Path, help="a package of Chalice's, for its size")
    given = parser.parse_args()
    if given.runs < 1:
        parser.error("--runs: at least 1")
    rows = [*measure(given.runs, bytecode=True), *measure(given.runs, bytecode=False)]
    show = sys.stdout.write
    show(f"{'entry':<16}{'bytecode':<10}{'import ms':>10}{'answer ms':>10}{'floor ms':>10}")
    show(f"{'ratio':>8}\n")
    for row in rows:
        show(f"{row.entry:<16}{'yes' if row.bytecode else 'no':<10}{row.imports:>10.0f}")
        show(f"{row.answer:>10.0f}{row.floor:>10.0f}{row.ratio:>8.2f}\n")
    if given.package:
        show(package_size.report(given.package))
    RESULTS.mkdir(exist_ok=True)
    results = [row._asdict() for row in rows]
    (RESULTS / "cold_start.json").write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
