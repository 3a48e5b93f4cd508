"""A site's events as a file: whole, in constant memory, and gone on with after a kill."""

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import duckdb
import msgspec
import pandas
import pyarrow.parquet
import pytest

from tests import aws
from tests.engines.engine import Engine
from tests.engines.eventually import eventually
from tests.events import HOUR, MINUTE, NOON, SECOND, SITE, received, wire
from tests.test_commands import ROOT, told, tracker
from tests.test_status_and_replay import on_a_terminal, project
from tests.test_user_agent import CHROME, GOOGLEBOT
from tracker import activity, exports, timestamps, wiring
from tracker.activity import Question
from tracker.aws import upload
from tracker.event import Bots
from tracker.exports import Format, Wanted
from tracker.exports.columns import COLUMNS
from tracker.exports.partial import Partial
from tracker.stores import Store
from tracker.stores.dynamodb.store import DynamoDbStore
from tracker.stores.sqlite.store import SqliteStore

FORMATS: tuple[Format, ...] = ("ndjson", "csv", "parquet")
HOSTILE = 'a"b,c\nd;\t=1+1 \u202e<script>ü\x00'


def some_events() -> list[dict[str, Any]]:
    """Of every type, with everything that a column shows, and with nothing of it."""
    page = {"path": "/p", "url": "https://s.example/p?q", "title": HOSTILE}
    page |= {"referrer": "https://www.google.com/"}
    context = {"page": page, "userAgent": CHROME, "campaign": {"name": "c"}, "seq": 7}
    return [
        wire(NOON, messageId="page", context=context | {"sessionId": "s"}, properties={"a": [1]}),
        wire(NOON + 1, messageId="track", type="track", event=HOSTILE, properties={"n": HOSTILE}),
        wire(NOON + 2, messageId="who", type="identify", userId="ada", traits={"plan": "pro"}),
        wire(NOON + 3, messageId="group", type="group", groupId="g", userId="ada"),
        wire(NOON + 4, messageId="alias", type="alias", userId="ada", previousId="old"),
        wire(NOON + 5, messageId="odd", context={"page": 7, "seq": "x", "sessionId": 12}),
        wire(NOON + 6, messageId="bot", context={"userAgent": GOOGLEBOT}),
        wire(NOON + 7, messageId="late"),
    ]


def wanted(format_: Format, site: str = SITE, bots: Bots = Bots.LEAVE_OUT) -> Wanted:
    return Wanted(site=site, since=None, until=NOON + 7, bots=bots, format=format_)


def written(store: Store, chosen: Wanted, file: Path) -> Path:
    with Partial(file) as partial:
        list(exports.write(store, chosen, partial, NOON + HOUR))
        partial.put_in_place()
    assert list(file.parent.glob("*.part")) == []
    return file


def test_every_format_holds_what_the_read_api_tells(store: Store, tmp_path: Path) -> None:
    store.append(received(*some_events(), at=NOON + MINUTE))
    store.append(received(wire(NOON, messageId="other"), site="other"))
    question = Question(site=SITE, until=NOON + 7, descending=False)
    told_events = [bytes(one.document) for one in activity.events(store, question, 100).events]
    lines = written(store, wanted("ndjson"), tmp_path / "e.ndjson").read_bytes()
    assert lines.splitlines() == told_events
    events = [json.loads(line) for line in told_events]
    assert [event["messageId"] for event in events] == [
        *("page", "track", "who", "group", "alias", "odd")
    ]

    table = pyarrow.parquet.read_table(written(store, wanted("parquet"), tmp_path / "e.parquet"))
    rows = table.to_pylist()
    assert table.column_names == [column.name for column in COLUMNS]
    page = rows[0]
    assert page["timestamp"] == datetime.fromtimestamp(NOON / SECOND, UTC)
    assert page["received_at"] == datetime.fromtimestamp((NOON + MINUTE) / SECOND, UTC)
    shown = ("type", "path", "title", "url", "referrer", "campaign", "session_id", "seq", "bot")
    assert [page[name] for name in shown] == [
        *("page", "/p", HOSTILE, "https://s.example/p?q", "www.google.com", "c", "s", 7, None)
    ]
    assert (page["browser"], page["os"], page["device"]) == ("Chrome", "Windows", "desktop")
    assert [row["session_id"] for row in rows] == [
        event["context"]["sessionId"] if event["messageId"] != "odd" else "12" for event in events
    ]
    assert [row["properties"] and json.loads(row["properties"]) for row in rows] == [
        event.get("properties") for event in events
    ]
    assert [json.loads(row["context"]) for row in rows] == [event["context"] for event in events]
    assert json.loads(rows[2]["traits"]) == {"plan": "pro"}
    assert (rows[3]["group_id"], rows[4]["previous_id"], rows[4]["user_id"]) == ("g", "old", "ada")
    assert (rows[1]["event"], rows[5]["seq"], rows[5]["path"]) == (HOSTILE, None, None)

    comma = written(store, wanted("csv"), tmp_path / "e.csv")
    frame = pandas.read_csv(comma, dtype=str, keep_default_na=False, engine="python")
    assert list(frame.columns) == table.column_names
    for at, row in enumerate(rows):
        for column in COLUMNS:
            cell = row[column.name]
            if column.kind == "time":
                cell = timestamps.format(round(cell.timestamp() * SECOND))
            assert frame[column.name][at] == ("" if cell is None else str(cell)), column.name

    robots = written(store, wanted("parquet", bots=Bots.ONLY), tmp_path / "bots.parquet")
    assert pyarrow.parquet.read_table(robots, columns=["bot"]).to_pylist() == [
        {"bot": "user agent: Googlebot"}
    ]
    nobody = written(store, wanted("parquet", "nobody"), tmp_path / "none.parquet")
    assert pyarrow.parquet.read_table(nobody).num_rows == 0


# --- With a folder of some size -------------------------------------------------------------------

MANY = 3 * exports.CHUNK + 2_500


@pytest.fixture(scope="module")
def folder(_no_aws_account: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    store = SqliteStore(folder / wiring.STORE_FILE)
    context = {"sessionId": "s", "page": {"path": "/p"}}
    for first in range(0, MANY, 2_500):
        batch = (
            wire(NOON + n, messageId=f"m{n}", anonymousId=f"v{n % 9}", context=context)
            for n in range(first, min(first + 2_500, MANY))
        )
        store.append(received(*batch, site="default", at=NOON + HOUR))
    return folder


def message_ids(file: Path) -> list[str]:
    return [row[0] for row in query(f"SELECT message_id FROM '{file}'")]


def query(sql: str) -> list[Any]:
    with duckdb.connect() as connection:
        return connection.execute(sql).fetchall()


@pytest.mark.parametrize("format_", ["csv", "parquet"])
def test_a_killed_export_goes_on_where_it_stopped(
    folder: Path, tmp_path: Path, format_: str
) -> None:
    file = tmp_path / f"events.{format_}"
    words = ("export", "--data", folder, "--output", file)
    part = tmp_path / f"events.{format_}.part"
    process = subprocess.Popen(
        [sys.executable, "-m", "tracker", *map(str, words)], cwd=ROOT, stderr=subprocess.DEVNULL
    )
    eventually((part / "state.json").exists, 120)
    process.kill()
    process.wait()
    assert not file.exists(), "a file is whole, or not there"
    state = msgspec.json.decode((part / "state.json").read_bytes())
    assert 0 < state["rows"] < MANY
    line = told(tracker(*words, "--since", "2026-01-01"))
    assert "of another export" in line
    shown = on_a_terminal(*words)
    assert f" {state['rows']} of " in shown, "it begins where the other stopped"
    assert not part.exists()
    assert message_ids(file) == [f"m{n}" for n in range(MANY)]
    (found,) = query(f"SELECT count(*), epoch(min(timestamp)), mode(path) FROM '{file}'")
    assert found == (MANY, NOON / SECOND, "/p")


@pytest.mark.parametrize("format_", FORMATS)
def test_wherever_it_is_stopped_the_file_is_the_same_and_what_is_torn_is_dropped(
    folder: Path, tmp_path: Path, format_: Format
) -> None:
    store = SqliteStore(folder / wiring.STORE_FILE)
    chosen = Wanted(site="default", since=None, until=None, bots=Bots.LEAVE_OUT, format=format_)
    whole = written(store, chosen, tmp_path / "whole")
    counts: list[int] = []
    for _ in range(9):
        with Partial(tmp_path / "pieces") as partial:
            steps = exports.write(store, chosen, partial, NOON + HOUR + len(counts))
            counts += [next(steps), next(steps, counts[-1] if counts else 0)]
            steps.close()
            if counts[-1] == counts[-2]:
                partial.put_in_place()
                break
            if partial.whole.exists():
                with partial.whole.open("ab") as file:
                    file.write(b"half a li")
            for number in range(len(counts) // 2, 9):
                (partial.folder / f"chunk-{number:06}").write_bytes(b"half a chu")
    assert counts[-1] == MANY
    if format_ == "parquet":
        one, other = (pyarrow.parquet.read_table(path) for path in (whole, tmp_path / "pieces"))
        assert one.equals(other)
    else:
        assert (tmp_path / "pieces").read_bytes() == whole.read_bytes()


def test_two_at_once_do_not_write_one_file(folder: Path, tmp_path: Path) -> None:
    store = SqliteStore(folder / wiring.STORE_FILE)
    with Partial(tmp_path / "e.csv") as partial:
        next(exports.write(store, wanted("csv", "default"), partial, NOON))
        line = told(tracker("export", "--data", folder, "--output", tmp_path / "e.csv"))
    assert "another export is writing" in line


def test_without_a_file_it_is_printed(folder: Path) -> None:
    until = timestamps.format(NOON + 3)
    shown = tracker("export", "--data", folder, "--until", until).stdout.splitlines()
    assert [json.loads(line)["messageId"] for line in shown] == ["m0", "m1", "m2"]
    comma = tracker("export", "--data", folder, "--until", until, "--format", "csv").stdout
    assert comma.splitlines()[0] == ",".join(column.name for column in COLUMNS)
    assert len(comma.splitlines()) == 4


def test_what_is_wrong_is_one_line(folder: Path, tmp_path: Path) -> None:
    def line(*arguments: str | Path) -> str:
        return told(tracker("export", "--data", folder, *arguments))

    assert "--output" in line("--format", "parquet")
    assert "leave out" in line("--user", "ada", "--format", "csv")
    assert "s3://BUCKET/KEY" in line("--output", "s3://bucket")
    assert "cannot be written" in line("--output", "/dev/null/e.csv")
    assert "ISO 8601" in line("--since", "yesterday")
    (tmp_path / "e.csv").mkdir()
    (tmp_path / "e.csv" / "x").touch()
    assert "cannot be written" in line("--output", tmp_path / "e.csv", "--until", "2026-01-01")
    program = (
        "import sys; sys.modules['pyarrow'] = None; from tracker.cli import main;"
        f"sys.exit(main(['export', '--data', {str(folder)!r}, '--output', 'e.parquet']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "pip install" in told(done)


def test_what_the_document_says_of_reading_it_works(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.db")
    document = (ROOT / "docs" / "export.md").read_text()
    for column in COLUMNS:
        assert f"| `{column.name}` |" in document
        assert column.about in document
    store.append(received(*some_events(), at=NOON + MINUTE))
    written(store, wanted("parquet"), tmp_path / "events.parquet")
    programs = re.findall(r"^```python\n(.*?)^```", document, re.MULTILINE | re.DOTALL)
    assert len(programs) == 2
    for program in programs:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", program],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "1" in done.stdout


# --- On AWS ---------------------------------------------------------------------------------------


@pytest.fixture
def bucket(ministack: Engine, monkeypatch: pytest.MonkeyPatch) -> str:
    aws.use(ministack, monkeypatch)
    boto3.client("s3").create_bucket(Bucket="exports")
    return "exports"


def test_a_stage_s_events_go_to_s3(bucket: str, ministack: Engine, tmp_path: Path) -> None:
    prefix = aws.make_tables()
    DynamoDbStore(prefix).append(received(*some_events(), at=NOON + MINUTE, site="default"))
    folder = project(tmp_path, TRACKER_QUEUE_URL=aws.make_queue(), TRACKER_TABLES=prefix)
    place = f"s3://{bucket}/2026/events.parquet"
    env = dict(os.environ)
    done = tracker("export", "--stage", "dev", "--output", place, env=env, cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"7 events of site 'default' are in {place}.\n"
    body = boto3.client("s3").get_object(Bucket=bucket, Key="2026/events.parquet")["Body"].read()
    (tmp_path / "got.parquet").write_bytes(body)
    assert len(message_ids(tmp_path / "got.parquet")) == 7
    assert list(folder.glob("*.part")) == []
    nowhere = tracker("export", "--stage", "dev", "--output", "s3://nowhere/e.csv", cwd=folder)
    assert "nowhere" in told(nowhere) or "bucket" in told(nowhere)


def test_an_upload_that_was_stopped_goes_on(bucket: str, tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(os.urandom(2 * upload.PART_BYTES + 100))
    place = upload.Place(bucket, "a/large")
    s3: Any = boto3.client("s3")
    steps = upload.upload(file, place)
    assert next(steps) == upload.PART_BYTES
    steps.close()
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket, Prefix="a/"), "nothing half is seen"
    assert list(upload.upload(file, place))[-1] == file.stat().st_size
    assert s3.get_object(Bucket=bucket, Key="a/large")["Body"].read() == file.read_bytes()
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
