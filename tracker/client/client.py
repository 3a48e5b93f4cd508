"""What an application holds: one `Client` for a process, used by all its threads."""

from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self, Unpack

from tracker.client import door, message
from tracker.client.message import Common, Id, Object
from tracker.client.reading import Filters, Reader
from tracker.client.sender import Limits, OnError, Sender
from tracker.errors import ClientError


class Client:
    """Sends events in the background, and reads them.

    ``url`` is the base of the API (``https://…/api`` on AWS, ``http://127.0.0.1:8000``
    embedded). ``write_key`` is needed to send, ``read_token`` to read. ``on_error(error, events)``
    is told of events that will not arrive: refused, rejected, or given up.

    A call that records something puts the event into memory and returns: it never waits for the
    network. It answers whether the event was queued: false means dropped, because too many wait
    (that is logged once, counted in ``lost``, and told to ``on_error``). It raises `ClientError`
    for what can never be an event (no id, not JSON, over 32 KB, a time without its zone).
    All of them take ``anonymous_id``, ``timestamp``, ``context`` and ``message_id``; see
    `tracker.client.message.Common`.

    What is queued when the program ends is sent then, for up to five seconds. A forked process
    (gunicorn, multiprocessing) may use the client of its parent; one that ends without Python's
    exit handlers, as multiprocessing's do, calls `flush` first.
    """

    def __init__(
        self,
        url: str,
        write_key: str | None = None,
        read_token: str | None = None,
        *,
        on_error: OnError | None = None,
        limits: Limits | None = None,
    ) -> None:
        limits = limits or Limits()
        url = door.base(url)
        self._sender = (
            Sender(door.Door(url, write_key, limits.timeout), limits, on_error)
            if write_key
            else None
        )
        self._reader = Reader(url, read_token, limits.timeout) if read_token else None

    def identify(
        self, user_id: Id | None = None, traits: Object | None = None, **common: Unpack[Common]
    ) -> bool:
        """Who the user is: ``traits`` such as plan or name. With ``anonymous_id`` too, what that
        visitor did before is the user's."""
        return self._send("identify", user_id, {"traits": traits}, common)

    def track(
        self,
        user_id: Id | None = None,
        event: str = "",
        properties: Object | None = None,
        **common: Unpack[Common],
    ) -> bool:
        """Something the user did: ``event`` is its name, such as ``Order Placed``."""
        members = {"event": message.required("event", event), "properties": properties}
        return self._send("track", user_id, members, common)

    def page(
        self,
        user_id: Id | None = None,
        name: str | None = None,
        properties: Object | None = None,
        *,
        category: str | None = None,
        **common: Unpack[Common],
    ) -> bool:
        """A page view. Its ``path`` or ``url`` stands in ``properties`` or ``context["page"]``."""
        members = {"name": name, "category": category, "properties": properties}
        return self._send("page", user_id, members, common)

    def screen(
        self,
        user_id: Id | None = None,
        name: str | None = None,
        properties: Object | None = None,
        *,
        category: str | None = None,
        **common: Unpack[Common],
    ) -> bool:
        """A page view in an app."""
        members = {"name": name, "category": category, "properties": properties}
        return self._send("screen", user_id, members, common)

    def group(
        self,
        user_id: Id | None = None,
        group_id: Id = "",
        traits: Object | None = None,
        **common: Unpack[Common],
    ) -> bool:
        """The user belongs to a group, such as a company; ``traits`` are the group's."""
        members = {"groupId": message.identifier("group_id", group_id), "traits": traits}
        return self._send("group", user_id, members, common)

    def alias(self, previous_id: Id, user_id: Id, **common: Unpack[Common]) -> bool:
        """The user was known by another id."""
        members = {"previousId": message.identifier("previous_id", previous_id)}
        return self._send("alias", user_id, members, common)

    def flush(self, timeout: float = 30.0) -> None:
        """Send what is queued, and return when all of it is answered: the collector has it safe,
        and it can be read a moment later.

        Raises `ClientError` if that takes longer than ``timeout`` seconds (the events stay queued,
        and are still tried), or if events were lost since the last flush.
        """
        if self._sender is not None:
            self._sender.flush(timeout)

    def close(self, timeout: float = 10.0) -> None:
        """`flush`, then give up what could not be delivered within ``timeout`` seconds.

        Raises `ClientError` as `flush` does. Afterwards the client takes no events.
        """
        if self._reader is not None:
            self._reader.close()
        if self._sender is not None:
            self._sender.close(timeout)

    def events(self, **filters: Unpack[Filters]) -> Iterator[dict[str, Any]]:
        """The events of one ``user_id``, ``anonymous_id`` or ``session_id``, or of the whole site;
        newest first, all pages, each read when it is reached.

        An event is a dictionary in the shape it was sent: ``type``, ``messageId``, ``userId``,
        ``timestamp``, ``context``, ``properties``, … For the filters see
        `tracker.client.reading.Filters`. Raises `ClientError` with the answer's ``status``.
        """
        if self._reader is None:
            raise ClientError("reading needs a token: Client(url, read_token=…)")
        return self._reader.events(filters)

    @property
    def lost(self) -> int:
        """How many events of this process could not be delivered."""
        return self._sender.lost if self._sender is not None else 0

    def _send(self, event_type: str, user_id: Id | None, members: Object, common: Common) -> bool:
        if self._sender is None:
            raise ClientError("sending needs a key: Client(url, write_key=…)")
        return self._sender.put(message.encode(event_type, user_id, members, common))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except ClientError:
            if error is None:  # what went wrong inside is the news
                raise
