"""Which shard of a stream a record is in. Lambda does not tell, and a record's number is no answer,
as each shard has numbers of its own: so the stream is asked for it."""

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.config import Config as ClientConfig
from botocore.exceptions import BotoCoreError, ClientError

from tracker import aws_errors, sdk
from tracker.errors import StoreUnavailable
from tracker.stores.dynamodb.connection import CALLS, CONNECT_SECONDS, READ_SECONDS

Keys = Mapping[str, Mapping[str, str]]
"""A record's item: ``{"pk": {"S": …}, "sk": {"S": …}}``."""

_NOT_THERE = {
    "TrimmedDataAccessException",
    "ValidationException",
    "ResourceNotFoundException",
}


class Shards:
    """The shards of the streams that a process counts from, those that were found last first."""

    def __init__(self) -> None:
        self._made: Any = None
        self._known: dict[str, list[str]] = {}

    def find(self, stream: str, sequence_number: str, keys: Keys) -> str:
        """The id of a record's shard. Raises `StoreUnavailable`."""
        try:
            for shard in self._candidates(stream, int(sequence_number)):
                if self._holds(stream, shard, sequence_number, keys):
                    others = [one for one in self._known.get(stream, ()) if one != shard]
                    self._known[stream] = [shard, *others]
                    return shard
        except (BotoCoreError, ClientError) as error:
            raise StoreUnavailable(f"DynamoDB's stream: {aws_errors.explain(error)}") from error
        raise StoreUnavailable(f"record {sequence_number} is not in {stream} any more")

    def _candidates(self, stream: str, number: int) -> Iterator[str]:
        known = self._known.get(stream, [])
        yield from known
        found = [shard for shard in self._shards(stream) if _may_hold(shard, number)]
        ids = [shard["ShardId"] for shard in found]
        self._known[stream] = [shard for shard in known if shard in ids]  # the others are over
        yield from (shard for shard in ids if shard not in known)

    def _shards(self, stream: str) -> Iterator[Mapping[str, Any]]:
        more: dict[str, str] = {}
        while True:
            told = self._client.describe_stream(StreamArn=stream, **more)["StreamDescription"]
            yield from told["Shards"]
            if "LastEvaluatedShardId" not in told:
                return
            more = {"ExclusiveStartShardId": told["LastEvaluatedShardId"]}

    def _holds(self, stream: str, shard: str, sequence_number: str, keys: Keys) -> bool:
        """Whether a shard has that very record."""
        client = self._client
        try:
            iterator = client.get_shard_iterator(
                StreamArn=stream,
                ShardId=shard,
                ShardIteratorType="AT_SEQUENCE_NUMBER",
                SequenceNumber=sequence_number,
            )["ShardIterator"]
            records = client.get_records(ShardIterator=iterator, Limit=1)["Records"]
        except ClientError as error:
            if error.response["Error"]["Code"] not in _NOT_THERE:
                raise
            return False
        found = [record["dynamodb"] for record in records]
        return any((one["SequenceNumber"], one["Keys"]) == (sequence_number, keys) for one in found)

    @property
    def _client(self) -> Any:
        if self._made is None:
            self._made = sdk.client(
                "dynamodbstreams",
                ClientConfig(
                    connect_timeout=CONNECT_SECONDS,
                    read_timeout=READ_SECONDS,
                    retries={"mode": "standard", "total_max_attempts": CALLS},
                ),
            )
        return self._made


def _may_hold(shard: Mapping[str, Any], number: int) -> bool:
    told = shard["SequenceNumberRange"]
    first, last = told.get("StartingSequenceNumber", "0"), told.get("EndingSequenceNumber")
    return int(first) <= number and (last is None or number <= int(last))
