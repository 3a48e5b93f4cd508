"""Config → the parts in use. The only place that chooses; it imports what was chosen, late."""

from typing import TYPE_CHECKING

from tracker.config import Config
from tracker.errors import ConfigError
from tracker.parts import Parts

if TYPE_CHECKING:
    from tracker.queues import Delays, Queue
    from tracker.queues.sqlite import SqliteQueue
    from tracker.stores import Store

QUEUE_FILE = "queue.db"
STORE_FILE = "store.db"


def parts(config: Config) -> Parts:
    """The parts of a configuration."""
    return Parts(config, lambda: queue(config), lambda: store(config))


def existing_parts(config: Config) -> Parts:
    """The parts of a configuration that is in use. Raises `ConfigError` where a folder was never
    served: most likely it is the wrong one."""
    if not config.tables and not (config.folder / STORE_FILE).exists():
        raise ConfigError(
            f"{config.folder} holds no tracker data: give --data DIR, or start one with"
            " `python -m tracker serve`"
        )
    return parts(config)


def queue(config: Config) -> "Queue":
    """SQS where a queue's URL is set, else a file in the folder."""
    if config.queue_url:
        from tracker.queues.sqs import SqsQueue

        return SqsQueue(config.queue_url)
    return _folder_queue(config)


def consumed_queue(config: Config) -> "Queue":
    """The queue, for the folder's only consumer: what an earlier one had in hand when it was
    killed does not stay hidden."""
    if config.queue_url:
        return queue(config)
    opened = _folder_queue(config)
    opened.show_hidden()
    return opened


def _folder_queue(config: Config) -> "SqliteQueue":
    from tracker.queues.sqlite import SqliteQueue

    return SqliteQueue(config.folder / QUEUE_FILE)


def delays(parts: Parts) -> "Delays":
    """How late it is: by CloudWatch where the queue is SQS, else by the queue itself. Raises
    `QueueUnavailable`."""
    config = parts.config
    if config.queue_url:
        from tracker.queues import sqs_delays

        return sqs_delays.delays(config.queue_url, config.tables)
    from tracker.queues import Delays

    oldest = parts.queue.depth().oldest_seconds
    return Delays(oldest, oldest or 0.0, "the oldest event that is not stored yet")


def store(config: Config) -> "Store":
    """DynamoDB where its tables are named, else a file in the folder."""
    if config.tables:
        from tracker.stores.dynamodb import DynamoDbStore

        return DynamoDbStore(config.tables)
    from tracker.stores.sqlite import SqliteStore

    return SqliteStore(config.folder / STORE_FILE)
