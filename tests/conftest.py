"""The fixtures that every test may ask for. Engines and browser are started at first use, once."""

import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Protocol

import pytest
from playwright.sync_api import Browser, Page

from tests import aws
from tests.engines.chromium import OPENLY_AUTOMATED, chromium_path, running_chromium
from tests.engines.dynamodb_local import running_dynamodb_local
from tests.engines.engine import Engine, aws_environment
from tests.engines.leash import Leash
from tests.engines.ministack import running_ministack
from tests.engines.program import Program
from tests.engines.proxy import Proxy, running_proxy
from tests.engines.server import Server, Servers
from tests.events import NOON
from tracker.stores import Store
from tracker.stores.dynamodb.store import DynamoDbStore
from tracker.stores.sqlite.store import SqliteStore

ROOT = Path(__file__).parents[1]


class Rounds(Protocol):
    """How often something is tried: often, or very often where the tests are run with --long."""

    def __call__(self, short: int, long: int) -> int: ...


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="the long form of chaos and fuzzing")


@pytest.fixture(scope="session")
def rounds(pytestconfig: pytest.Config) -> Rounds:
    long_form: bool = pytestconfig.getoption("--long")
    return lambda short, long: long if long_form else short


@pytest.fixture(scope="session", autouse=True)
def _no_aws_account() -> Iterator[None]:
    """Whatever the developer is logged in to, no test can reach it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith(("AWS_", "TRACKER_")):
                patch.delenv(name)
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield


@pytest.fixture(scope="session")
def leash() -> Iterator[Leash]:
    with Leash() as leash:
        yield leash


@pytest.fixture(scope="session")
def ministack(
    _no_aws_account: None, tmp_path_factory: pytest.TempPathFactory, leash: Leash
) -> Iterator[Engine]:
    with running_ministack(ROOT, tmp_path_factory.mktemp("ministack"), leash) as engine:
        yield engine


@pytest.fixture(scope="session")
def cloud(
    _no_aws_account: None, tmp_path_factory: pytest.TempPathFactory, leash: Leash
) -> Iterator[Engine]:
    """An account of its own: with permissions, and a record of every call."""
    with running_ministack(ROOT, tmp_path_factory.mktemp("cloud"), leash, strict=True) as engine:
        yield engine


@pytest.fixture(scope="session")
def dynamodb_local(
    _no_aws_account: None, tmp_path_factory: pytest.TempPathFactory, leash: Leash
) -> Iterator[Engine]:
    with running_dynamodb_local(ROOT, tmp_path_factory.mktemp("dynamodb"), leash) as engine:
        yield engine


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page with no cookies, no storage and no cache of any other test's."""
    context = browser.new_context()
    try:
        yield context.new_page()
    finally:
        context.close()


@pytest.fixture
def robot(browser: Browser) -> Iterator[Page]:
    """A page of a browser that says what it is: driven by a program, and without a screen."""
    own = browser.browser_type.launch(executable_path=chromium_path(), args=OPENLY_AUTOMATED)
    try:
        yield own.new_page()
    finally:
        own.close()


@pytest.fixture
def server(tmp_path: Path, leash: Leash) -> Iterator[Servers]:
    """Call it to start `python -m tracker serve`, as often as a test likes."""
    servers = Servers(ROOT, tmp_path, leash)
    try:
        yield servers
    finally:
        servers.stop()


@pytest.fixture
def running(server: Servers) -> Server:
    return server()


@pytest.fixture
def proxy(running: Server) -> Iterator[Proxy]:
    """A way to the running server that can be broken."""
    with running_proxy(running.port) as proxy:
        yield proxy


LONGEST = (
    "test_deploy_chalice.py",
    "test_deploy_one_stack.py",
    "test_sessions.py",
    "test_status_and_replay.py",
    "test_spa.py",
    "test_delivery.py",
    "test_lambda.py",
    "test_clients.py",
)
"""The files that take longest, the longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of two processes that take a file each, none is to wait at the end for the other's last."""
    items.sort(
        key=lambda item: (
            LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST)
        )
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows what the programs it used have printed."""
    report = yield
    if report.failed:
        for program in _programs(item):
            report.sections.append((f"what {program.name} printed", program.printed()))
    return report


def _programs(item: pytest.Item) -> Iterator[Program]:
    fixtures: dict[str, object] = getattr(item, "funcargs", {})
    for value in fixtures.values():
        if isinstance(value, Engine):
            yield value.program
        if isinstance(value, Servers):
            yield from (server.program for server in value.started)


@pytest.fixture(params=["sqlite", "ministack", "dynamodb_local"])
def store(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Store]:
    """Every store that ships, on every engine that runs one. Its clock stands at noon."""
    if request.param == "sqlite":
        yield SqliteStore(tmp_path / "store.db", clock=lambda: NOON)
        return
    aws.use(request.getfixturevalue(request.param), monkeypatch)
    yield DynamoDbStore(aws.make_tables(), clock=lambda: NOON)


StoreSettings = Callable[[], dict[str, str]]


@pytest.fixture(scope="module", params=["sqlite", "dynamodb"])
def store_settings(request: pytest.FixtureRequest) -> StoreSettings:
    """The environment of a server with a store of its own."""
    if request.param == "sqlite":
        return dict
    engine = request.getfixturevalue("dynamodb_local")

    def make() -> dict[str, str]:
        with pytest.MonkeyPatch.context() as patch:
            aws.use(engine, patch)
            return aws_environment(engine.url) | {"TRACKER_TABLES": aws.make_tables()}

    return make
