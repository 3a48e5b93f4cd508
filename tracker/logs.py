"""The log: of a Lambda, one JSON object a line; of the embedded server, that or plain text.

CloudWatch bills by the byte, so only a sample of the invocations writes its info lines; warnings
and errors are always written. No line holds a client's address, a key, or what an event says.
"""

import logging
import sys
import time
import zlib
from collections.abc import Callable, Mapping
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
    """A record as one line of JSON; ``names`` stand in each."""

    def __init__(self, names: Callable[[], Mapping[str, Any]]) -> None:
        super().__init__()
        self._names = names

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            **self._names(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=str).decode()


class TextFormatter(logging.Formatter):
    """A record as plain text. What somebody sent cannot begin a line, or steer a terminal."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  (logging's name)
        return "".join(
            character if character.isprintable() else repr(character)[1:-1]
            for character in super().formatMessage(record)
        )


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
    handler.setFormatter(JsonFormatter(_current.names))
    handler.addFilter(_current.filter)
    root = logging.getLogger()
    root.handlers = [handler]  # in place of the runtime's own, which writes plain text
    root.setLevel(logging.WARNING)
    logging.getLogger("tracker").setLevel(logging.INFO)


def to_standard_error(process: str, *, as_json: bool) -> None:
    """Write this process's log, for the embedded server and its consumer."""
    if as_json:
        formatter: logging.Formatter = JsonFormatter(lambda: {"time": _now(), "process": process})
    else:
        formatter = TextFormatter(f"%(asctime)s {process} %(levelname)s %(message)s")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=logging.INFO)


def _now() -> str:
    seconds, fraction = divmod(time.time(), 1)
    clock = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{clock}.{int(fraction * 1000):03d}Z"
