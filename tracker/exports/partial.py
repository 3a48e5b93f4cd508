"""The folder of an export that is not finished: what is written, and where it goes on."""

import fcntl
import os
import shutil
from pathlib import Path

import msgspec
from msgspec import Struct

from tracker.errors import ConfigError
from tracker.exports.form import WHOLE

_STATE = "state.json"
_LOCK = "lock"


class State(Struct):
    """How far an export is."""

    of: str
    """What is exported, to know it again."""
    until: int | None = None
    """Where it ends, once that is known."""
    mark: int = 0
    """See `exports.form.Form`."""
    rows: int = 0
    place: tuple[int, int, bytes] | None = None
    """Of the last event that is written."""
    written: bool = False
    """Whether all events are."""
    finished: bool = False
    """Whether they are one file."""


class Partial:
    """The folder beside the file that it becomes, for one process at a time."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.folder = file.with_name(f"{file.name}.part")

    def __enter__(self) -> "Partial":
        """Raises `ConfigError` where the folder is in use."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = (self.folder / _LOCK).open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise ConfigError(f"another export is writing {self._file}") from None
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.close()

    def state(self, wanted: object) -> State:
        """Where it goes on. Raises `ConfigError` where the folder is of an export of something
        else."""
        of = msgspec.json.encode(wanted).decode()
        try:
            state = msgspec.json.decode((self.folder / _STATE).read_bytes(), type=State)
        except FileNotFoundError:
            return State(of)
        except msgspec.MsgspecError:
            state = State("")
        if state.of != of:
            raise ConfigError(
                f"{self.folder} is of another export: finish that one with the same command,"
                " remove the folder, or give another --output"
            )
        return state

    def save(self, state: State) -> None:
        """Note how far it is, so that this survives a power cut."""
        fresh = self.folder / f"{_STATE}.new"
        with fresh.open("wb") as file:
            file.write(msgspec.json.encode(state))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.folder / _STATE)

    @property
    def whole(self) -> Path:
        """The finished file, while it is in the folder."""
        return self.folder / WHOLE

    def put_in_place(self) -> None:
        """Let the finished file stand where it belongs, and remove the folder."""
        if self.whole.exists():  # else an earlier try was stopped in between
            self.whole.replace(self._file)
        self.remove()

    def remove(self) -> None:
        """Forget the folder."""
        shutil.rmtree(self.folder)
