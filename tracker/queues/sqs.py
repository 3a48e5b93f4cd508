"""The queue as an SQS queue, with a dead-letter queue by its redrive policy."""

import base64
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from hashlib import blake2b
from itertools import islice
from typing import Any

from botocore.config import Config as ClientConfig
from botocore.exceptions import BotoCoreError, ClientError

from tracker import aws_errors, batch, sdk
from tracker.errors import QueueUnavailable
from tracker.queues import Depth, Message

_PLAIN_BYTES = 48 * 1024
"""Up to here a message is sent as it is: readable in the console, and one 64 KiB unit."""

MESSAGE_BYTES = 1024 * 1024
"""The largest message SQS takes, and as much in one call."""

_CALL_MESSAGES = 10
_RECEIVED_MESSAGES = 250
"""How many are given at once, whatever a consumer asks for: their hidden time begins with the first
call."""

_REDRIVE_WAIT_SECONDS = 1.0
"""All of SQS's servers are asked if a call waits; else some, that may hold no dead letter."""

_STALE = 3
"""After so many answers with nothing that was not seen before, all was: what is looked at for long
becomes visible again."""

_VISIBLE = "ApproximateNumberOfMessages"
_HIDDEN = "ApproximateNumberOfMessagesNotVisible"

_READ_SECONDS = 6
"""How long an answer may take: longer than the longest wait for a message."""

_WAIT_SECONDS = 4


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
            # A request that takes events must be answered before API Gateway gives up (29 s). With
            # botocore's pauses of up to 1 and 2 seconds these are 24.
            self._client = sdk.client(
                "sqs",
                ClientConfig(
                    connect_timeout=1,
                    read_timeout=_READ_SECONDS,
                    retries={"mode": "standard", "total_max_attempts": 3},
                ),
            )
        return self._client

    def _call(self, operation: str, **parameters: Any) -> Any:
        try:
            return getattr(self._sqs(), operation)(**parameters)
        except (BotoCoreError, ClientError) as error:
            raise QueueUnavailable(f"{self._url}: {aws_errors.explain(error)}") from error

    def send(self, bodies: Sequence[bytes]) -> None:
        for call in _calls([text for body in bodies for text in _texts(body)]):
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
        limit = min(limit, _RECEIVED_MESSAGES)
        while len(messages) < limit:
            try:
                answer = self._call(
                    "receive_message",
                    QueueUrl=self._url,
                    MaxNumberOfMessages=min(_CALL_MESSAGES, limit - len(messages)),
                    WaitTimeSeconds=0 if messages else min(_WAIT_SECONDS, round(wait)),
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

    def redrive(self) -> Iterator[int]:
        url = self._dead_letters_url(self._attributes(self._url))
        if url is None:
            return
        dead_letters = SqsQueue(url)
        sent: set[bytes] = set()
        while received := dead_letters.receive(_CALL_MESSAGES, _REDRIVE_WAIT_SECONDS):
            fresh = [message for message in received if _digest(message.body) not in sent]
            if not fresh:
                return
            self.send([message.body for message in fresh])  # before they are deleted
            dead_letters.delete([message.receipt for message in fresh])
            sent.update(_digest(message.body) for message in fresh)
            yield len(fresh)

    def edit_dead_letters(self, edit: Callable[[bytes], Sequence[bytes]]) -> Iterator[int]:
        url = self._dead_letters_url(self._attributes(self._url))
        if url is None:
            return
        dead_letters = SqsQueue(url)
        looked_at: list[str] = []
        seen: set[bytes] = set()
        stale = 0
        try:
            # What was looked at stays hidden until all was, as a queue has no order to go by.
            while received := dead_letters.receive(_CALL_MESSAGES, _REDRIVE_WAIT_SECONDS):
                fresh = [message for message in received if _digest(message.body) not in seen]
                looked_at += [message.receipt for message in received if message not in fresh]
                stale = 0 if fresh else stale + 1
                if stale > _STALE:
                    return
                changed = 0
                for message in fresh:
                    bodies = edit(message.body)
                    seen.update(map(_digest, bodies))  # what is changed may be there twice
                    if bodies == [message.body]:
                        looked_at.append(message.receipt)
                        continue
                    changed += 1
                    dead_letters.send(bodies)  # before it is deleted
                    self._call("delete_message", QueueUrl=url, ReceiptHandle=message.receipt)
                yield changed
        finally:
            for receipt in looked_at:
                with suppress(QueueUnavailable):  # then they are visible a little later
                    self._call(
                        "change_message_visibility",
                        QueueUrl=url,
                        ReceiptHandle=receipt,
                        VisibilityTimeout=0,
                    )

    def depth(self) -> Depth:
        attributes = self._attributes(self._url)
        url = self._dead_letters_url(attributes)
        return Depth(
            int(attributes[_VISIBLE]),
            int(attributes[_HIDDEN]),
            _messages(self._attributes(url)) if url else 0,
            None,  # SQS tells the age only to CloudWatch
        )

    def _dead_letters_url(self, attributes: dict[str, str]) -> str | None:
        policy = attributes.get("RedrivePolicy")
        if not policy:
            return None
        name = json.loads(policy)["deadLetterTargetArn"].rpartition(":")[2]
        url: str = self._call("get_queue_url", QueueName=name)["QueueUrl"]
        return url

    def _attributes(self, url: str) -> dict[str, str]:
        answer = self._call("get_queue_attributes", QueueUrl=url, AttributeNames=["All"])
        attributes: dict[str, str] = answer["Attributes"]
        return attributes


def _texts(body: bytes) -> list[str]:
    """A message as SQS takes it, or the messages that it has to be split into."""
    text = encode(body)
    if len(text) > MESSAGE_BYTES:
        with suppress(ValueError):  # nothing to split: SQS says what it thinks of it
            return [part for half in batch.halves(body) for part in _texts(half)]
    return [text]


def _digest(body: bytes) -> bytes:
    return blake2b(body, digest_size=16).digest()


def _messages(attributes: dict[str, str]) -> int:
    return int(attributes[_VISIBLE]) + int(attributes[_HIDDEN])


def _calls(texts: Sequence[str]) -> Iterator[list[str]]:
    """Split messages into calls that stay within SQS's limits."""
    call: list[str] = []
    size = 0
    for text in texts:
        if call and (len(call) == _CALL_MESSAGES or size + len(text) > MESSAGE_BYTES):
            yield call
            call, size = [], 0
        call.append(text)
        size += len(text)
    if call:
        yield call
