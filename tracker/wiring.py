"""Config → the parts in use. The only place that chooses; it imports what was chosen, late."""

from collections.abc import Callable
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
    return Parts(
        config,
        lambda: queue(config),
        lambda: store(config),
        ask_delays=_ask_delays(config),
    )


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


def _ask_delays(config: Config) -> "Callable[[], Delays] | None":
    """How late it is tells CloudWatch where the queue is SQS; a file tells it itself."""
    url = config.queue_url
    if not url:
        return None

    def ask() -> "Delays":
        from tracker.queues import sqs_delays

        return sqs_delays.delays(url, config.tables)

    return ask


def store(config: Config) -> "Store":
    """DynamoDB where its tables are named, else a file in the folder."""
    from tracker.stores.retention import Retention

    retention = Retention(config.retention_days)
    if config.tables:
        from tracker.stores.dynamodb.store import DynamoDbStore

        return DynamoDbStore(config.tables, retention, failed_days=config.failed_days)
    from tracker.stores.sqlite.store import SqliteStore

    return SqliteStore(config.folder / STORE_FILE, retention, failed_days=config.failed_days)
