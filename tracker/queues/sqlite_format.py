"""What a queue's file holds, and how one of an earlier version becomes one of today's."""

from tracker.sqlite import Connection, Format

# What was received has a mark, in a table of its own: a mark is small, and a body is not written
# again for it. Messages are received in the order of their ids, which are never used twice, so
# those after the last mark were never received.
_SCHEMA = """
CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    sent_at INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE TABLE marks (
    id INTEGER PRIMARY KEY,
    visible_at INTEGER NOT NULL,
    receives INTEGER NOT NULL
);
CREATE TABLE dead_letters (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    sent_at INTEGER NOT NULL,
    died_at INTEGER NOT NULL,
    body BLOB NOT NULL
)
"""


def _upgrade(connection: Connection, found: int, schema: str) -> bool:
    """Format 1 had the marks beside the bodies."""
    if found != 1:
        return False
    for table in ("messages", "dead_letters"):
        connection.execute(f"ALTER TABLE {table} RENAME TO old_{table}")
    for statement in schema.split(";"):
        connection.execute(statement)
    connection.execute(
        "INSERT INTO messages (id, sent_at, body) SELECT id, sent_at, body FROM old_messages"
    )
    # Also of what was never received, but stands before what was.
    connection.execute(
        "INSERT INTO marks (id, visible_at, receives) SELECT id, visible_at, receives"
        " FROM old_messages WHERE id <= (SELECT max(id) FROM old_messages WHERE receives > 0)"
    )
    connection.execute(
        "INSERT INTO dead_letters (sent_at, died_at, body) SELECT sent_at, died_at, body"
        " FROM old_dead_letters ORDER BY id"
    )
    for table in ("messages", "dead_letters"):
        connection.execute(f"DROP TABLE old_{table}")
    return True


FORMAT = Format(0x54524B51, _SCHEMA, version=2, upgrade=_upgrade)  # "TRKQ"
