"""One attempt to hand a batch to the collector, and what its answer means."""

import gzip
import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from tracker import __version__
from tracker.client.message import LIBRARY, instant
from tracker.errors import ClientError

CONNECT_SECONDS = 5.0
GZIP_ABOVE = 1024
"""Bytes: below, compressing costs more than it saves."""

USER_AGENT = f"tracker-python/{__version__}"


@dataclass(frozen=True, slots=True)
class Body:
    """A batch as it goes over the wire, made once: every attempt sends the same bytes."""

    content: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one attempt: delivered if there is no ``error``."""

    error: ClientError | None = None
    again: bool = False
    """The same bytes may succeed later."""
    after: float | None = None
    """Seconds to wait before that, where the server says so."""
    rejected: Sequence[tuple[int, ClientError]] = field(default=())
    """Events of the delivered batch that are not what the contract asks for, by their index."""


def pack(events: Sequence[bytes]) -> Body:
    """The body of a batch; it is being sent now."""
    sent_at = instant("sentAt", datetime.now(UTC))
    library = f'{{"name":"{LIBRARY["name"]}","version":"{LIBRARY["version"]}"}}'
    head = f'{{"sentAt":"{sent_at}","context":{{"library":{library}}},"batch":['
    content = head.encode() + b",".join(events) + b"]}"
    headers = {"Content-Type": "application/json", "User-Agent": USER_AGENT}
    if len(content) > GZIP_ABOVE:
        content = gzip.compress(content, compresslevel=6, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return Body(content, headers)


def base(url: str) -> str:
    """The URL the paths are put under. Raises `ClientError` for what is none."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except (ValueError, TypeError, AttributeError):
        valid = False
    if not valid:
        raise ClientError(f"url must be like https://example.com/api, not {url!r}")
    return url.rstrip("/")


class Credentials(AuthBase):
    """An ``Authorization`` header. As ``auth``, since requests puts what ``.netrc`` says over a
    plain header."""

    def __init__(self, header: str) -> None:
        self._header = header

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._header
        return request


class Door:
    """The collector's batch path, with one site's write key."""

    def __init__(self, url: str, write_key: str, timeout: float) -> None:
        self._url = f"{url}/v1/batch"
        self._auth = Credentials("Basic " + b64encode(f"{write_key}:".encode()).decode())
        self._timeout = (min(CONNECT_SECONDS, timeout), timeout)

    def post(self, session: requests.Session, body: Body) -> Outcome:
        """Send it once. Never raises."""
        try:
            response = session.post(
                self._url,
                body.content,
                headers=body.headers,
                auth=self._auth,
                timeout=self._timeout,
                allow_redirects=False,  # the write key and the events are for this host alone
            )
        except (requests.RequestException, OSError, ValueError) as error:
            # A URL that no attempt can reach is a ValueError too.
            return Outcome(unreachable(self._url, error), again=not isinstance(error, ValueError))
        if response.status_code == 200:
            return _accepted(response)
        again = response.status_code in (408, 429) or response.status_code >= 500
        return Outcome(refusal(response), again, _retry_after(response))


def unreachable(url: str, error: Exception) -> ClientError:
    """There was no answer."""
    if isinstance(error, requests.Timeout):
        return ClientError(f"{url} does not answer in time")
    cause: BaseException = error
    for _ in range(8):
        cause = _cause(cause) or cause
    return ClientError(f"{url} cannot be reached: {getattr(cause, 'strerror', None) or cause}")


def _cause(error: BaseException) -> BaseException | None:
    """requests and urllib3 wrap what happened three times over."""
    inner = getattr(error, "reason", None) or next(iter(error.args), None)
    return inner if isinstance(inner, BaseException) else error.__cause__


def refusal(response: requests.Response) -> ClientError:
    """What an answer that is not a success says, with its status."""
    status = response.status_code
    if response.is_redirect:
        detail = f"redirects are not followed; give this URL: {response.headers['location']}"
    else:
        problem = json_object(response)
        detail = str(problem.get("detail") or problem.get("message") or response.reason)
    return ClientError(f"{status}: {detail}", status)


def _accepted(response: requests.Response) -> Outcome:
    answer = json_object(response)
    try:
        rejected = [_rejection(rejection) for rejection in answer["rejected"]]
    except (KeyError, TypeError, ValueError):
        return Outcome(ClientError(f"{response.url} does not answer like a collector", 200))
    return Outcome(rejected=rejected)


def _rejection(rejection: dict[str, Any]) -> tuple[int, ClientError]:
    reason = " ".join(filter(None, (rejection["field"], rejection["reason"])))
    error = ClientError(f"event {rejection['messageId']} was rejected: {reason}", 200)
    return int(rejection["index"]), error


def json_object(response: requests.Response) -> dict[str, Any]:
    try:
        content = response.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _retry_after(response: requests.Response) -> float | None:
    """``Retry-After`` in seconds from now; it is a number of seconds or an HTTP date."""
    text = response.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError, OSError):
        return None
