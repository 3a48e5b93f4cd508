"""A real browser: the machine's own Chromium."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from tests.engines.required import required

NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
# No sandbox: CI runs as root, and only our own pages are opened. The rest keeps the browser from
# calling home, and from what a machine without a screen cannot do.
OPENLY_AUTOMATED = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# A person's browser says neither that it is driven by a program nor that it has no screen.
FLAGS = [
    *OPENLY_AUTOMATED,
    "--disable-blink-features=AutomationControlled",
    "--user-agent=Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/150.0.0.0 Safari/537.36",
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
