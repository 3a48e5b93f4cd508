"""Imports run one way, and what is heavy is imported by the one module that needs it."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.engines.engine import aws_environment

ROOT = Path(__file__).parents[1]

# From the ground up: a module imports from the layers before its own.
LAYERS = [
    {"__version__"},
    {
        "almost_json",
        "errors",
        "private",
        "ids",
        "at_once",
        "timestamps",
        "aws_errors",
        "logs",
        "sdk",
        "country",
        "user_agent",
        "dimensions",
    },
    {"deadline", "rate", "sqlite_copy"},
    {"limits"},
    {"event", "config"},
    {"anonymise", "visitor", "whose"},
    {"arrival"},
    {"http", "sqlite", "batch"},
    {"body"},
    {
        "queues",
        "stores",
        "schemas",
        "keyring",
        "stages",
        "cors",
        "router",
        "assets",
        "seed",
    },
    {"parts"},
    {"collector", "identity", "failed_counts", "sessions"},
    {"activity", "profile", "erasure", "live", "journeys", "stats"},
    {"consumer", "session_summary", "status"},
    {"replay", "session_list"},
    {"reading"},
    {"demo", "dashboard", "client_settings"},
    {"export", "exports", "openapi"},
    {"routes", "wiring"},
    {"embedded", "lambdas"},
    {"aws"},
    {"commands"},
    {"cli"},
    {"__main__"},
]
# The Python client is a program of its own, that shares the exceptions.
ALONE = {"client": {"errors", "__version__"}}
HEAVY = {
    "boto3": {"aws/"},
    "botocore": {"sdk.py", "queues/sqs", "stores/dynamodb/", "aws/"},
    "pynamodb": {"stores/dynamodb/"},
    "requests": {"client/", "aws/"},
    "granian": {"embedded/server.py", "embedded/listener.py"},
    "uvloop": {"embedded/server.py"},
    "pyarrow": {"exports/as_parquet.py"},
    "jsonschema_rs": {"schemas/validator.py", "schemas/words.py"},
    "chalice": set[str](),
    "asyncio": {
        "embedded/server.py",
        "embedded/request_body.py",
        "embedded/group_commit.py",
    },
    "ua_parser": {"user_agent.py"},
    "crawleruseragents": {"user_agent.py"},
    "sqlite3": {"sqlite.py", "sqlite_copy.py", "queues/sqlite.py", "stores/sqlite/"},
}
SOURCES = sorted((ROOT / "tracker").rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            module = node.module or ""
            yield from (f"{module}.{name.name}" for name in node.names)


def rooms_of(path: Path) -> Iterator[str]:
    for name in imported(path):
        package, _, rest = name.partition(".")
        if package == "tracker":
            yield rest.partition(".")[0]


def name(path: Path) -> str:
    """The path inside the package; of a test, its id."""
    return path.relative_to(ROOT / "tracker").as_posix()


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_imports_run_one_way(path: Path) -> None:
    room = name(path).partition("/")[0].removesuffix(".py")
    if room in ("__init__", *ALONE):
        allowed = ALONE.get(room, set[str]())
    else:
        level = next(n for n, layer in enumerate(LAYERS) if room in layer)
        allowed = set[str]().union(*LAYERS[:level])
    assert set(rooms_of(path)) - {room} <= allowed


def modules_of(path: Path) -> Iterator[Path]:
    """The modules of the kit that a Python module imports."""
    for found in imported(path):
        for module in (found, found.rpartition(".")[0]):
            below = ROOT / module.replace(".", "/")
            if one := {below.with_suffix(".py"), below / "__init__.py"} & {*SOURCES}:
                yield from one
                break


def scripts_of(path: Path) -> Iterator[Path]:
    """The modules that a script or a module of TypeScript imports, but for its types."""
    for name in re.findall(r'(?m)^(?:im|ex)port (?!type )[^;"]*"(\.[^"]+)"', path.read_text()):
        found = (path.parent / name).resolve()
        yield found if found.suffix else found.with_suffix(".ts")


SCRIPTS = [
    *(ROOT / "client-js/src").rglob("*.ts"),
    *(ROOT / "tracker/web/dashboard").rglob("*.js"),
]


def test_no_modules_import_in_a_circle() -> None:
    graph = {path: set(modules_of(path)) - {path} for path in SOURCES}
    graph |= {path: set(scripts_of(path)) for path in SCRIPTS}
    known = {path: found & graph.keys() for path, found in graph.items()}
    assert sum(map(len, known.values())) > len(known), "they do import one another"
    assert len(list(TopologicalSorter(known).static_order())) == len(known)


BACKENDS = {"dynamodb": {"wiring.py", "lambdas/counter.py"}, "sqlite": {"wiring.py"}}


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_store_is_known_to_what_chooses_it_alone(path: Path) -> None:
    for backend, choosing in BACKENDS.items():
        inside = f"tracker.stores.{backend}"
        if any(f"{found}.".startswith(f"{inside}.") for found in imported(path)):
            assert name(path).startswith(f"stores/{backend}/") or name(path) in choosing


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_what_is_heavy_is_imported_where_it_is_needed(path: Path) -> None:
    for heavy, places in HEAVY.items():
        if heavy in {found.partition(".")[0] for found in imported(path)}:
            assert name(path).startswith(tuple(places))


def modules_after(statements: str, environment: dict[str, str]) -> set[str]:
    program = f"{statements}\nimport sys; print(); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.splitlines()[-1].split())


LAMBDA = {
    "TRACKER_SITES": '{"s": {"write_keys": ["k"]}}',
    "TRACKER_QUEUE_URL": "http://127.0.0.1:9/1/q",
    "TRACKER_TABLES": "t",
    **aws_environment("http://127.0.0.1:9"),
}
NEVER = {
    "jsonschema_rs",
    "boto3",
    "requests",
    "granian",
    "sqlite3",
    "asyncio",
    "tracker.embedded.server",
    "tracker.demo",
    # The lists of user agents are read when there is one to look up.
    "ua_parser",
    "crawleruseragents",
}


def test_a_cold_lambda_that_takes_an_event_imports_nothing_that_reads_or_stores() -> None:
    """The queue is not there, so the answer is a 503; it went all the way to SQS for it."""
    event = {
        "requestContext": {"resourcePath": "/v1/batch", "httpMethod": "POST"},
        "headers": {"content-type": "application/json"},
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "isBase64Encoded": False,
        "body": '{"batch": [{"type": "page", "anonymousId": "v"}], "writeKey": "k"}',
    }
    loaded = modules_after(
        f"import types, app; c = types.SimpleNamespace(aws_request_id='r')\n"
        f"assert app.app({event!r}, c)['statusCode'] == 503",
        LAMBDA,
    )
    assert "botocore" in loaded
    assert loaded.isdisjoint(
        {*NEVER, "pynamodb", "tracker.reading", "tracker.activity", "tracker.stores"}
    )


def test_a_cold_consumer_imports_nothing_that_it_does_not_need() -> None:
    record = {"messageId": "1", "receiptHandle": "1", "body": "poison"}
    loaded = modules_after(
        "import types, app\n"
        "c = types.SimpleNamespace(\n"
        "    aws_request_id='r', get_remaining_time_in_millis=lambda: 20_000)\n"
        f"try: app.consume({{'Records': [{record!r}]}}, c)\n"
        "except Exception as error: assert '1 of 1 messages' in str(error)",
        LAMBDA,
    )
    assert "pynamodb" in loaded
    assert loaded.isdisjoint(NEVER)


def test_a_cold_counter_imports_nothing_that_it_does_not_need() -> None:
    change = {"Keys": {}, "SequenceNumber": "1", "NewImage": {"target": {"S": "a pointer"}}}
    record = {"eventName": "INSERT", "dynamodb": change, "eventSourceARN": "stream"}
    loaded = modules_after(
        "import types, app\n"
        "c = types.SimpleNamespace(\n"
        "    aws_request_id='r', get_remaining_time_in_millis=lambda: 20_000)\n"
        f"app.count({{'Records': [{record!r}]}}, c)",
        LAMBDA,
    )
    assert "pynamodb" in loaded
    assert loaded.isdisjoint(NEVER)


def test_embedded_mode_imports_nothing_of_aws() -> None:
    loaded = modules_after(
        "from tracker import cli, wiring, config\n"
        "from tracker.embedded import server, worker\n"
        "parts = wiring.parts(config.Config())\n"
        "parts.make_queue, parts.make_store",
        {},
    )
    assert loaded.isdisjoint({"boto3", "botocore", "pynamodb", "chalice", "requests"})
