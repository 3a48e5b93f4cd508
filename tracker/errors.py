"""Every exception of the kit, on one page.

TrackerError
├── ConfigError         the settings are wrong: one line that says what to do
├── Problem             an HTTP answer that is not a success (RFC 9457)
├── Rejected            one event is not what the contract asks for: field and reason
├── Unavailable         a part cannot work now; the same call may succeed later
│   ├── QueueUnavailable
│   └── StoreUnavailable
├── NeverStorable       a record that no retry can store: it becomes a failed event
├── DeploymentError     AWS was not brought to what was asked: one line that says why
└── ClientError         what the Python client tells its caller
"""

from collections.abc import Mapping, Sequence
from typing import Any


class TrackerError(Exception):
    """Anything the kit raises on purpose."""


class ConfigError(TrackerError):
    """The settings are wrong. The message is shown to the user as it is."""


class DeploymentError(TrackerError):
    """AWS could not be brought to the state that was asked for. The message is shown as it is."""


class Problem(TrackerError):
    """An HTTP answer in the contract's problem format.

    ``code`` is a stable word for programs, ``detail`` a sentence for people, ``errors`` the
    fields at fault as ``(field, reason)``.
    """

    members: Mapping[str, Any] = {}
    """Further members of the answer, for programs."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})


class Rejected(TrackerError):
    """One event breaks a rule; the others of its batch go on. ``more`` are further things that
    are wrong with it, as ``(field, reason)``."""

    def __init__(self, field: str, reason: str, more: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason
        self.more = more


class Unavailable(TrackerError):
    """A part cannot work now. Nothing was lost; the same call may succeed later."""


class QueueUnavailable(Unavailable):
    """The queue did not take, give or drop messages."""


class StoreUnavailable(Unavailable):
    """The store did not answer."""


class NeverStorable(TrackerError):
    """A record that no retry can store. The message is the failed event's reason."""


class ClientError(TrackerError):
    """The Python client could not do what it was asked; ``status`` is the answer's, if any."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
