"""Pictures of the dashboard, of a made-up history: `make screenshots` puts them into docs/."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, NamedTuple

from playwright.sync_api import Browser

from tests.dashboard import DESK, PHONE, Dashboard, opened
from tests.door import Door, some_servers
from tests.engines.chromium import running_chromium
from tests.engines.eventually import eventually
from tests.engines.leash import Leash
from tests.engines.server import Server
from tests.events import wire
from tests.test_user_agent import CHROME

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs/dashboard"
HISTORY = ("--days", "90", "--visitors", "5000")


class Picture(NamedTuple):
    name: str
    view: str
    query: dict[str, str]
    size: tuple[int, int] = DESK
    colours: Literal["light", "dark"] = "light"


FUNNEL = {"steps": '["/","Added to cart","Checkout started","Order completed"]', "range": "90d"}


def pictures(person: str) -> list[Picture]:
    """Every view; ``person`` is somebody's user id."""
    month = {"range": "30d"}
    return [
        Picture("overview", "overview", month),
        Picture("overview-dark", "overview", month, colours="dark"),
        Picture("phone", "overview", month, PHONE),
        Picture("live", "live", {}),
        Picture("person", "person", {"user": person}),
        Picture("funnel", "funnel", FUNNEL),
        Picture("retention", "retention", {"range": "90d"}),
        Picture("failed", "failed", {}),
        Picture("health", "health", {"range": "90d"}),
    ]


def _now() -> Iterator[dict[str, Any]]:
    """What is done at this moment."""
    for visitor, path, title, event in (
        ({"anonymousId": "5f0c2d81-77aa"}, "/", "Fern & Fable", None),
        ({"anonymousId": "c3e19b40-02d7"}, "/journal/when-to-sow-peas", "When to sow peas", None),
        ({"anonymousId": "9ab47e6c-c1f3", "userId": "user-12"}, "/seeds", "Seeds", None),
        ({"anonymousId": "5f0c2d81-77aa"}, "/tools", "Tools", None),
        ({"anonymousId": "9ab47e6c-c1f3", "userId": "user-12"}, "/cart", "Your cart", None),
        ({"anonymousId": "e8d0512f-6b99"}, "/tools/honest-trowel", "Honest trowel", None),
        ({"anonymousId": "e8d0512f-6b99"}, "/tools/honest-trowel", "", "Added to cart"),
    ):
        page = {"path": path, "title": title, "url": f"https://shop.example{path}"}
        kind = {"type": "track", "event": event, "properties": {"price": 24}} if event else {}
        yield wire(None, context={"page": page}, **visitor, **kind)


@contextmanager
def served(scratch: Path, leash: Leash) -> Iterator[Server]:
    """A server with a history that goes up to now, and somebody who is here."""
    data = scratch / "data"
    command = [sys.executable, "-m", "tracker", "seed", "--data", str(data), *HISTORY]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    with some_servers(scratch, leash) as servers:
        server = servers(data=data)
        door = Door(server)
        body = {"writeKey": server.write_key, "batch": list(_now())}
        assert door.post(body, "/v1/batch", {"user-agent": CHROME}).status == 200
        eventually(lambda: len(door.read("/v1/live", server.read_token).json["visitors"]) >= 4)
        yield server


def somebody(server: Server) -> str:
    """Whoever has done most of those who ordered last."""
    door = Door(server)
    orders = "/v1/events?type=track&event=Order%20completed&limit=20"
    found = door.read(orders, server.read_token).json["data"]
    buyers: set[str] = {event["userId"] for event in found if "userId" in event}

    def events(user: str) -> int:
        profile = door.read(f"/v1/users/{user}", server.read_token).json
        return int(profile["counts"]["events"])

    return max(sorted(buyers), key=events)


def take(browser: Browser, server: Server, picture: Picture, folder: Path) -> list[str]:
    """Take one; what the browser complained about."""
    with opened(browser, server, picture.size, picture.colours) as dashboard:
        dashboard.sign_in(server.read_token)
        dashboard.open(picture.view, **picture.query)
        _drawn(dashboard)
        dashboard.page.screenshot(path=folder / f"{picture.name}.png")
        return dashboard.complaints


def _drawn(dashboard: Dashboard) -> None:
    """Wait for the letters, and for charts, which are drawn once their size is known."""
    dashboard.page.evaluate("document.fonts.ready.then(() => null)")
    dashboard.page.wait_for_function(
        "document.querySelectorAll('.chart').length"
        " === document.querySelectorAll('.chart canvas').length"
    )


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with (
        TemporaryDirectory() as scratch,
        Leash() as leash,
        served(Path(scratch), leash) as server,
        running_chromium() as browser,
    ):
        for picture in pictures(somebody(server)):
            complaints = take(browser, server, picture, FOLDER)
            sys.stdout.write(f"{picture.name}.png {' '.join(complaints)}\n")


if __name__ == "__main__":
    main()
