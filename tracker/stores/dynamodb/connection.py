"""How the models reach DynamoDB: one client for both tables, and what it does when told to wait.

PynamoDB would make a session and a client for each table, each at the price of reading botocore's
data anew; would wait 30 seconds for an answer, four times; and sends what a batch call did not get
done again at once, as often as it takes.
"""

import random
import time
from threading import Lock
from typing import Any

from botocore.config import Config as ClientConfig
from pynamodb.connection.base import Connection
from pynamodb.connection.table import TableConnection
from pynamodb.models import Model

from tracker import deadline, sdk

CONNECT_SECONDS = 1
READ_SECONDS = 3
CALLS = 3
"""How often a call is tried. With botocore's pauses of up to 1 and 2 seconds, a DynamoDB that does
not answer at all is known by that within 15 seconds: before API Gateway gives up (29 seconds)."""

UNPROCESSED_CALLS = 8
"""How often what a batch call left undone is sent, with pauses of up to 7 seconds altogether."""

_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 2.0


class SharedConnection(Connection):
    """A connection whose client all its tables use, and all threads."""

    def __init__(self) -> None:
        super().__init__()
        self._making = Lock()
        self._shared: Any = None
        self._pauses = 0

    @property
    def client(self) -> Any:
        """The client, made at first use."""
        with self._making:
            if self._shared is None:
                self._shared = self._make()
            return self._shared

    def _make(self) -> Any:
        client = sdk.client(
            "dynamodb",
            ClientConfig(
                parameter_validation=False,  # PynamoDB makes no others than valid ones
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retries={"mode": "standard", "total_max_attempts": CALLS},
            ),
        )
        client.meta.events.register("before-send.dynamodb", _check_deadline)
        for operation in ("BatchWriteItem", "BatchGetItem"):
            client.meta.events.register(f"after-call.dynamodb.{operation}", self._pause)
        return client

    def _pause(self, parsed: dict[str, Any], **_: object) -> None:
        """Wait before PynamoDB asks again for what DynamoDB left undone, longer each time."""
        if not (parsed.get("UnprocessedItems") or parsed.get("UnprocessedKeys")):
            self._pauses = 0
            return
        longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**self._pauses)
        self._pauses = min(self._pauses + 1, UNPROCESSED_CALLS)
        time.sleep(random.uniform(longest / 2, longest))  # noqa: S311  (not a secret)


def _check_deadline(**_: object) -> None:
    deadline.check()


class Connected(Model):
    """A model whose ``Meta.shared`` is the connection to use."""

    @classmethod
    def _get_connection(cls) -> TableConnection:
        table = super()._get_connection()
        shared: SharedConnection = cls.Meta.shared  # type: ignore[attr-defined]
        if table.connection is not shared:
            shared.add_meta_table(table.get_meta_table())
            table.connection = shared
        return table
