"""The fixtures that every test may ask for. Engines and browser are started at first use, once."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.engines.chromium import running_chromium
from tests.engines.dynamodb_local import running_dynamodb_local
from tests.engines.engine import Engine
from tests.engines.leash import Leash
from tests.engines.ministack import running_ministack
from tests.engines.program import Program
from tests.engines.server import Servers

ROOT = Path(__file__).parents[1]


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
def server(tmp_path: Path, leash: Leash) -> Iterator[Servers]:
    """Call it to start `python -m tracker serve`, as often as a test likes."""
    servers = Servers(ROOT, tmp_path, leash)
    try:
        yield servers
    finally:
        servers.stop()


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
