"""Every view of the dashboard, with a history of 90 days and 5000 visitors behind it."""

import re
from pathlib import Path

from playwright.sync_api import Browser

from tests import screenshots
from tests.engines.leash import Leash

DOCUMENTS = (screenshots.ROOT / "README.md", *(screenshots.ROOT / "docs").glob("*.md"))


def test_every_view_shows_a_long_history(browser: Browser, tmp_path: Path, leash: Leash) -> None:
    with screenshots.served(tmp_path, leash) as server:
        pictures = screenshots.pictures(screenshots.somebody(server))
        for picture in pictures:
            assert screenshots.take(browser, server, picture, tmp_path) == [], picture.name
            # A page without content is of one colour, and packs to a fraction of this.
            assert (tmp_path / f"{picture.name}.png").stat().st_size > 20_000, picture.name


def test_the_pictures_are_shown_where_they_are_described() -> None:
    shown = {
        Path(target).name
        for document in DOCUMENTS
        for target in re.findall(r"(?:\(|\")([\w/.]*dashboard/[\w-]+\.png)", document.read_text())
    }
    assert shown == {path.name for path in screenshots.FOLDER.iterdir()}
    assert shown == {f"{picture.name}.png" for picture in screenshots.pictures("")}
