"""A real browser: the machine's own Chromium."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from tests.engines.required import required

NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
# No sandbox: CI runs as root, and only our own pages are opened. The rest keeps the browser from
# calling home, and from what a machine without a screen cannot do.
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium_path() -> str:
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if not path:
        required("Chromium", "run scripts/install-engines, or install it by hand")
    return path


@contextmanager
def running_chromium() -> Iterator[Browser]:
    path = chromium_path()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()
