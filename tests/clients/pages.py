"""Clients of browsers: bundled as an application would, and loaded into a page."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache

from playwright.sync_api import Page

from tests.clients.programs import Call
from tests.clients.set_up import ROOT, Way, installed, lines, pointed_at
from tests.engines.required import required
from tests.engines.site import site

# An ordinary browser's: a headless one says that it is.
USER_AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/150.0.0.0 Safari/537.36"
)

MAKE_CALLS = """async calls => {
    const failed = [];
    for (const [method, given] of calls) {
        const done = await tracked.analytics[method](...given);
        const reason = done?.failedDelivery?.()?.reason;
        if (reason) failed.push(reason.message);
        await new Promise(go => setTimeout(go, 2)); // so that no two events have one time
    }
    return failed;
}"""


class PageClient:
    """Makes calls. The client sends when it likes: see what comes to the server. Returns what the
    client reported as failed, if it does so."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def __call__(self, calls: Sequence[Call]) -> list[str]:
        failed: list[str] = self.page.evaluate(MAKE_CALLS, calls)
        return failed


@contextmanager
def page_client(maker: str, number: int, way: Way) -> Iterator[PageClient]:
    """``number``: which of the set-ups that the document shows."""
    script = pointed_at(bundled(maker, number), way.proxy)
    context = way.browser.new_context(user_agent=USER_AGENT)
    try:
        with site(way.server, head="") as url:
            page = context.new_page()
            page.goto(f"{url}/pricing?utm_source=news&utm_campaign=june")
            page.add_script_tag(content=script)
            yield PageClient(page)
    finally:
        context.close()


@cache
def bundled(maker: str, number: int) -> str:
    """The documented lines and what they import, as one script; what they export is ``tracked``."""
    esbuild = ROOT / "client-js/node_modules/.bin/esbuild"
    if not esbuild.exists():
        required("esbuild", "run scripts/client check")
    done = subprocess.run(
        [esbuild, "--bundle", "--format=iife", "--global-name=tracked"],
        cwd=installed("npm"),
        input=lines(f"Browsers: {maker}", number),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout
