"""What was stored, read back page by page."""

import os
from collections.abc import Iterator
from datetime import datetime
from threading import local
from typing import Any, Literal, TypedDict

import requests
from requests.adapters import HTTPAdapter

from tracker.client import door
from tracker.client.message import Id, identifier, instant
from tracker.errors import ClientError

_RETRIES = 1
"""A GET is sent again where the connection breaks: the server may have closed an idle one."""


class Filters(TypedDict, total=False):
    """Which events, and how. At most one of the three ids; without one, all of the site's."""

    user_id: Id | None
    """Also what this user did before ``identify``."""
    anonymous_id: Id | None
    session_id: str | None
    since: datetime | None
    """Not earlier than this; with its time zone."""
    until: datetime | None
    """Earlier than this; with its time zone."""
    type: Literal["page", "track", "screen", "identify", "group", "alias"] | None
    event: str | None
    """The name of a track event."""
    path: str | None
    """The page's path."""
    bots: Literal["include", "only"] | None
    """Bots' events too, or nothing else; they are left out unless told otherwise."""
    order: Literal["asc", "desc"]
    """``desc``, newest first, unless told otherwise."""
    page_size: int
    """Events a request, 1 to 1000; all pages are read, whatever it is."""


class Reader:
    """Asks the read API with one site's read token."""

    def __init__(self, url: str, read_token: str, timeout: float) -> None:
        self._url = url
        self._auth = door.Credentials(f"Bearer {read_token}")
        self._timeout = (min(door.CONNECT_SECONDS, timeout), timeout)
        self._local = local()

    def events(self, filters: Filters) -> Iterator[dict[str, Any]]:
        """The events, read as they are asked for. Raises `ClientError`."""
        return self._pages(_query(filters))

    def _pages(self, query: dict[str, str]) -> Iterator[dict[str, Any]]:
        while True:
            page = self._get("/v1/events", query)
            yield from page["data"]
            if not page.get("next_cursor"):
                return
            query["cursor"] = page["next_cursor"]

    def _get(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        try:
            response = self._session().get(
                f"{self._url}{path}",
                params=query,
                auth=self._auth,
                headers={"User-Agent": door.USER_AGENT},
                timeout=self._timeout,
                allow_redirects=False,
            )
        except (requests.RequestException, OSError, ValueError) as error:
            raise door.unreachable(self._url, error) from error
        if response.status_code != 200:
            raise door.refusal(response)
        content = door.json_object(response)
        if not isinstance(content.get("data"), list):
            raise ClientError(f"{self._url} does not answer like a collector", 200)
        return content

    def _session(self) -> requests.Session:
        """This thread's own, and this process's: a connection is not shared across a fork."""
        if getattr(self._local, "process", None) != os.getpid():
            session = requests.Session()
            adapter = HTTPAdapter(max_retries=_RETRIES)
            adapter.max_retries.respect_retry_after_header = False  # an answer is an answer
            session.mount("https://", adapter)
            session.mount("http://", adapter)
            self._local.session = session
            self._local.process = os.getpid()
        found: requests.Session = self._local.session
        return found

    def close(self) -> None:
        """Close this thread's connection; the others' end with their threads."""
        if getattr(self._local, "process", None) == os.getpid():
            self._local.session.close()


def _query(filters: Filters) -> dict[str, str]:
    unknown = filters.keys() - Filters.__annotations__.keys()
    if unknown:
        raise TypeError(f"events does not take {', '.join(sorted(unknown))}")
    query: dict[str, str] = {}
    for name, value in filters.items():
        if value is None:
            continue
        if name in ("since", "until"):
            query[name] = instant(name, value)
        elif name in ("user_id", "anonymous_id", "session_id"):
            query[name] = identifier(name, value) or ""
        else:
            query["limit" if name == "page_size" else name] = str(value)
    return query
