"""A Lambda's log: one JSON object a line.

CloudWatch bills by the byte, so only a sample of the invocations writes its info lines; warnings
and errors are always written. No line holds a client's address, a key, or what an event says.
"""

import logging
import sys
import zlib
from collections.abc import Mapping
from typing import Any

import msgspec

_STANDARD = logging.LogRecord("", 0, "", 0, "", (), None).__dict__.keys() | {"message"}
"""What every record has. What else is in one was given as ``extra``, and belongs to the line."""


class Invocation:
    """Which invocation the process works on: a Lambda's process works on one at a time."""

    def __init__(self, function: str, sample: float) -> None:
        self._function = function
        self._sample = sample
        self._request_id: str | None = None
        self._sampled = False

    def begin(self, request_id: str) -> None:
        """From here on, lines are about this one. Its id decides whether it is in the sample."""
        self._request_id = request_id
        self._sampled = zlib.crc32(request_id.encode()) < self._sample * 2**32

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to write a line."""
        return self._sampled or record.levelno >= logging.WARNING

    def names(self) -> dict[str, Any]:
        """What stands in every line."""
        return {"function": self._function, "request_id": self._request_id}


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON."""

    def __init__(self, invocation: Invocation) -> None:
        super().__init__()
        self._invocation = invocation

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            **self._invocation.names(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=str).decode()


def begin(request_id: str) -> None:
    """Tell which invocation the lines that follow are about."""
    if _current is not None:
        _current.begin(request_id)


_current: Invocation | None = None


def to_standard_output(environment: Mapping[str, str], sample: float) -> None:
    """Write this process's log as said above, if it is a Lambda's."""
    global _current  # noqa: PLW0603  (as is the log itself, it is the process's)
    function = environment.get("AWS_LAMBDA_FUNCTION_NAME")
    if not function:
        return
    _current = Invocation(function, sample)
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(_current))
    handler.addFilter(_current.filter)
    root = logging.getLogger()
    root.handlers = [handler]  # in place of the runtime's own, which writes plain text
    root.setLevel(logging.WARNING)
    logging.getLogger("tracker").setLevel(logging.INFO)
