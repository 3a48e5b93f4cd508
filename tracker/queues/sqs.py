"""The queue as an SQS queue, with a dead-letter queue by its redrive policy."""

import base64
import json
import zlib
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import boto3
from botocore.config import Config as ClientConfig
from botocore.exceptions import BotoCoreError, ClientError

from tracker.errors import QueueUnavailable
from tracker.queues import Depth, Message

_PLAIN_BYTES = 48 * 1024
"""Up to here a message is sent as it is: readable in the console, and one 64 KiB unit."""

_CALL_BYTES = 256 * 1024
"""How much one call carries, if not a single larger message: older emulators' limit."""

_CALL_MESSAGES = 10


def encode(body: bytes) -> str:
    """A message as SQS takes it: some characters of Unicode are refused, so anything but ASCII
    is sent as base64, as is what is worth compressing."""
    if len(body) <= _PLAIN_BYTES and body.isascii():
        return body.decode()
    return base64.b64encode(zlib.compress(body)).decode()


def decode(text: str) -> bytes:
    """The message that `encode` was given. Text that is not of its making comes back as it is."""
    if text.startswith("{"):
        return text.encode()
    try:
        return zlib.decompress(base64.b64decode(text, validate=True))
    except (ValueError, zlib.error):
        return text.encode(errors="replace")


class SqsQueue:
    """A queue in SQS, reached as the SDK's own environment variables say."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: Any = None

    def _sqs(self) -> Any:
        if self._client is None:
            # A request that takes events must be answered before API Gateway gives up (29 s).
            self._client = boto3.client(
                "sqs",
                config=ClientConfig(
                    connect_timeout=2,
                    read_timeout=25,
                    retries={"mode": "standard", "total_max_attempts": 3},
                ),
            )
        return self._client

    def _call(self, operation: str, **parameters: Any) -> Any:
        try:
            return getattr(self._sqs(), operation)(**parameters)
        except (BotoCoreError, ClientError) as error:
            raise QueueUnavailable(f"{self._url}: {error}") from error

    def send(self, bodies: Sequence[bytes]) -> None:
        for call in _calls([encode(body) for body in bodies]):
            if len(call) == 1:
                self._call("send_message", QueueUrl=self._url, MessageBody=call[0])
                continue
            answer = self._call(
                "send_message_batch",
                QueueUrl=self._url,
                Entries=[{"Id": str(n), "MessageBody": text} for n, text in enumerate(call)],
            )
            if failed := answer.get("Failed"):
                raise QueueUnavailable(f"{self._url}: {failed[0].get('Message')}")

    def receive(self, limit: int, wait: float) -> list[Message]:
        messages: list[Message] = []
        while len(messages) < limit:
            try:
                answer = self._call(
                    "receive_message",
                    QueueUrl=self._url,
                    MaxNumberOfMessages=min(_CALL_MESSAGES, limit - len(messages)),
                    WaitTimeSeconds=0 if messages else min(20, round(wait)),
                    AttributeNames=["ApproximateReceiveCount"],
                )
            except QueueUnavailable:
                if messages:
                    break  # those are received already
                raise
            received = answer.get("Messages", [])
            messages += [
                Message(
                    message["ReceiptHandle"],
                    decode(message["Body"]),
                    int(message["Attributes"]["ApproximateReceiveCount"]),
                )
                for message in received
            ]
            if len(received) < _CALL_MESSAGES:
                break
        return messages

    def delete(self, receipts: Sequence[str]) -> None:
        self._each("delete_message_batch", receipts)

    def release(self, receipts: Sequence[str]) -> None:
        self._each("change_message_visibility_batch", receipts, VisibilityTimeout=0)

    def _each(self, operation: str, receipts: Sequence[str], **parameters: int) -> None:
        handles = iter(receipts)
        while call := list(islice(handles, _CALL_MESSAGES)):
            entries = [
                {"Id": str(n), "ReceiptHandle": handle, **parameters}
                for n, handle in enumerate(call)
            ]
            answer = self._call(operation, QueueUrl=self._url, Entries=entries)
            for failed in answer.get("Failed", []):
                # Ours to blame is a handle that is no longer good: another consumer has the
                # message, or it is gone. To try again would never end.
                if not failed.get("SenderFault"):
                    raise QueueUnavailable(f"{self._url}: {failed.get('Message')}")

    def depth(self) -> Depth:
        attributes = self._attributes(self._url)
        dead = 0
        if policy := attributes.get("RedrivePolicy"):
            name = json.loads(policy)["deadLetterTargetArn"].rpartition(":")[2]
            url = self._call("get_queue_url", QueueName=name)["QueueUrl"]
            dead = int(self._attributes(url)["ApproximateNumberOfMessages"])
        return Depth(
            int(attributes["ApproximateNumberOfMessages"]),
            int(attributes["ApproximateNumberOfMessagesNotVisible"]),
            dead,
            None,  # SQS tells the age only to CloudWatch
        )

    def _attributes(self, url: str) -> dict[str, str]:
        answer = self._call("get_queue_attributes", QueueUrl=url, AttributeNames=["All"])
        attributes: dict[str, str] = answer["Attributes"]
        return attributes


def _calls(texts: Sequence[str]) -> Iterator[list[str]]:
    """Split messages into calls that stay within SQS's limits."""
    call: list[str] = []
    size = 0
    for text in texts:
        if call and (len(call) == _CALL_MESSAGES or size + len(text) > _CALL_BYTES):
            yield call
            call, size = [], 0
        call.append(text)
        size += len(text)
    if call:
        yield call
