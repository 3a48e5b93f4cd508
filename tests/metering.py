"""What the store's calls cost, as DynamoDB's own engine counts it."""

import threading
from typing import Any

from tracker.stores.dynamodb.store import DynamoDbStore

_WRITES = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems")
_READS = ("GetItem", "BatchGetItem", "Query")


class Meter:
    """Counts the units that `ReturnConsumedCapacity` tells of, by table.

    DynamoDB Local asks nothing for looking where nothing is. DynamoDB does: the least price of a
    read, for each key that is not there and for a query that finds nothing. That is added here.
    """

    def __init__(self, store: DynamoDbStore) -> None:
        self.calls = 0
        self._written: dict[str, float] = {}
        self._read: dict[str, float] = {}
        self._asked = threading.local()
        self._adding = threading.Lock()
        hooks = dict.fromkeys(_WRITES, self._count_write) | dict.fromkeys(_READS, self._count_read)
        for model in store.tables:
            events = model._get_connection().connection.client.meta.events  # noqa: SLF001
            for operation, count in hooks.items():  # the tables may share a client
                asking, told = f"ask-{operation}-{id(self)}", f"count-{operation}-{id(self)}"
                events.register(f"before-parameter-build.dynamodb.{operation}", self._ask, asking)
                events.register(f"after-call.dynamodb.{operation}", count, told)

    def written(self) -> dict[str, float]:
        """The write units since the last reading."""
        units, self._written = self._written, {}
        return units

    def read(self) -> dict[str, float]:
        """The read units since the last reading."""
        units, self._read = self._read, {}
        return units

    def _ask(self, params: dict[str, Any], **_: object) -> None:
        params["ReturnConsumedCapacity"] = "TOTAL"
        self._asked.request = params
        self.calls += 1

    def _count_write(self, parsed: dict[str, Any], **_: object) -> None:
        told = parsed["ConsumedCapacity"]
        for consumed in told if isinstance(told, list) else [told]:
            self._add(self._written, consumed["TableName"], consumed["CapacityUnits"])

    def _count_read(self, parsed: dict[str, Any], **_: object) -> None:
        asked, told = self._asked.request, parsed["ConsumedCapacity"]
        if isinstance(told, list):  # of BatchGetItem
            for consumed in told:
                table = consumed["TableName"]
                request = asked["RequestItems"][table]
                missing = len(request["Keys"]) - len(parsed["Responses"].get(table, []))
                least = missing * _least(request)
                self._add(self._read, table, consumed["CapacityUnits"] + least)
        else:
            self._add(self._read, told["TableName"], max(told["CapacityUnits"], _least(asked)))

    def _add(self, units: dict[str, float], table: str, more: float) -> None:
        with self._adding:  # some calls are made at once
            name = table.rpartition("-")[2]
            if more:
                units[name] = units.get(name, 0) + more


def _least(request: dict[str, Any]) -> float:
    return 1.0 if request.get("ConsistentRead") else 0.5
