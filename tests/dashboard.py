"""The dashboard, as somebody has it before them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode

from playwright.sync_api import Browser, ConsoleMessage, Dialog, Locator, Page, expect

from tests.engines.required import required
from tests.engines.server import Server

AXE = Path(__file__).parents[1] / ".engines/axe/node_modules/axe-core/axe.min.js"
PATIENCE_MS = 60_000
PHONE = (390, 844)
DESK = (1280, 860)
expect.set_options(timeout=PATIENCE_MS)

VIEWS = ("overview", "live", "person", "funnel", "retention", "failed", "health")
"""By the names that their addresses have."""

# What a browser says of an answer that is not a success; the page has its own words for it.
_AN_ANSWER = "Failed to load resource: the server responded with a status of"


class Dashboard:
    """A tab. `complaints` are what no visitor's words may bring about: errors, violations of the
    page's policy, dialogs."""

    def __init__(self, page: Page, server: Server) -> None:
        self.page = page
        self.url = server.url
        self.complaints: list[str] = []
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", self._asked)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(_AN_ANSWER):
            self.complaints.append(message.text)

    def _asked(self, dialog: Dialog) -> None:
        self.complaints.append(dialog.message)
        dialog.dismiss()

    def sign_in(self, token: str) -> None:
        self.page.goto(f"{self.url}/")
        self.page.get_by_label("Read token").fill(token)
        self.page.get_by_role("button", name="Show the dashboard").click()
        self.page.wait_for_selector("main#main")

    def open(self, view: str, **query: str) -> None:
        """A view, once it shows what it has to."""
        address = f"#/{view}?{urlencode(query)}" if query else f"#/{view}"
        self.page.evaluate("address => { location.hash = address }", address)
        self.settled(view)

    def settled(self, view: str) -> None:
        shown = f"main:not([aria-busy]) > [data-view='{view}']"
        self.page.wait_for_selector(shown, state="attached")
        expect(self.page.locator("[data-waiting]")).to_have_count(0)

    @property
    def main(self) -> Locator:
        return self.page.locator("main")

    @property
    def state(self) -> Locator:
        """What stands in a view's place where there is nothing to show."""
        return self.page.locator("main [data-state]")

    def unfold(self) -> None:
        """Open all that can be opened."""
        closed = self.page.locator("main details:not([open]) > summary")
        while True:
            expect(self.page.locator("[data-waiting]")).to_have_count(0)
            if not closed.count():
                return
            closed.first.click()

    def violations(self) -> list[Any]:
        """What axe has against the page as it is now."""
        found: list[Any] = self.page.evaluate(
            "async () => (await axe.run(document, {preload: false})).violations"
            ".map(({id, nodes}) => [id, nodes.map((node) => node.html.slice(0, 200))])"
        )
        return found

    def width(self) -> int:
        """How wide the page is, with all that a reader could scroll to."""
        width: int = self.page.evaluate("document.documentElement.scrollWidth")
        return width


@contextmanager
def opened(
    browser: Browser,
    server: Server,
    size: tuple[int, int] = DESK,
    colours: Literal["light", "dark"] = "light",
) -> Iterator[Dashboard]:
    """A tab of a browser that has never been here."""
    if not AXE.exists():
        required("axe", "run scripts/install-engines")
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme=colours,
        reduced_motion="reduce",
        accept_downloads=True,
    )
    context.set_default_timeout(PATIENCE_MS)
    context.add_init_script(path=AXE)
    try:
        yield Dashboard(context.new_page(), server)
    finally:
        context.close()
