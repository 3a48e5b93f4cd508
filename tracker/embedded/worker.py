"""The consumer as a process of its own beside the embedded server: the server's core stays free.

It is started by the server as ``python -m tracker.embedded.worker`` and listens on its standard
input: ``drain`` means finish what is queued and end; the end of input means that the server is
gone, so end after what is in hand. On its standard output it tells what it has done, a line of JSON
a round.
"""

import logging
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

import msgspec

from tracker import config, consumer, logs, timestamps, wiring
from tracker.consumer import Consumed
from tracker.embedded import sweeper
from tracker.errors import TrackerError, Unavailable

log = logging.getLogger(__name__)

DRAIN_SECONDS = 30.0
_CLOCK = "TRACKER_CLOCK_DIFFERENCE"
"""What the clock was when the server started: a consumer that is started again knows it, too."""
_RESTART_SECONDS = (0.1, 1.0, 5.0)


class Worker:
    """Keeps one consumer process running."""

    def __init__(self, settings: config.Config) -> None:
        self._environment = _environment(settings)
        self._stopping = Event()
        self._counts = Counter(dict.fromkeys((*Consumed._fields, "starts"), 0))
        self._process = self._start()
        self._watcher = Thread(target=self._watch, name="worker-watch", daemon=True)
        self._watcher.start()

    def _start(self) -> "subprocess.Popen[bytes]":
        self._counts["starts"] += 1
        return subprocess.Popen(
            [sys.executable, "-m", "tracker.embedded.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self._environment,
        )

    def consumed(self) -> Mapping[str, int]:
        """How many events the consumer has stored, found there already, and kept as failed; and
        how often it was started."""
        return dict(self._counts)

    def _listen(self, process: "subprocess.Popen[bytes]") -> int:
        """Add up what the consumer tells, until it ends. Its exit status."""
        for line in process.stdout or ():
            with suppress(msgspec.DecodeError):  # cut short: it was killed
                self._counts.update(msgspec.json.decode(line, type=dict[str, int]))
        return process.wait()

    def _watch(self) -> None:
        deaths = 0
        while not self._stopping.is_set():
            started = time.monotonic()
            code = self._listen(self._process)
            if self._stopping.is_set():
                return
            deaths = deaths + 1 if time.monotonic() - started < 60 else 1
            pause = _RESTART_SECONDS[min(deaths, len(_RESTART_SECONDS)) - 1]
            log.error("the consumer ended (status %s); starting it again in %.1f s", code, pause)
            if self._stopping.wait(pause):
                return
            self._process = self._start()

    def check(self) -> None:
        """Raise `Unavailable` if the consumer does not run."""
        if self._process.poll() is not None:
            raise Unavailable(f"the consumer ended with status {self._process.returncode}")

    def drain(self) -> None:
        """Let it store what is queued, for a bounded time, and end it."""
        self._stopping.set()
        process = self._process
        try:
            if process.stdin and process.poll() is None:
                process.stdin.write(b"drain\n")
                process.stdin.flush()
                process.wait(DRAIN_SECONDS)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            pass
        if process.stdin:
            process.stdin.close()
        try:
            process.wait(DRAIN_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()  # what it had in hand stays in the queue
            process.wait()


def _environment(settings: config.Config) -> Mapping[str, str]:
    package_folder = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, [package_folder, os.environ.get("PYTHONPATH")]))
    return {
        **os.environ,
        "PYTHONPATH": path,
        "TRACKER_DATA": str(settings.folder),
        _CLOCK: str(timestamps.now() - sweeper.passed()),
        "TRACKER_QUEUE_URL": settings.queue_url or "",
        "TRACKER_TABLES": settings.tables or "",
        "TRACKER_JSON_LOGS": "1" if settings.server.json_logs else "",
        # The server's own: a folder's keys are not in the environment, and may change meanwhile.
        "TRACKER_SITES": msgspec.json.encode(settings.keys.sites).decode(),
    }


def main() -> int:
    """Consume until the server says otherwise."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # they are for the server, which then says drain
    try:
        settings = config.from_environment(os.environ)
        logs.to_standard_error("consumer", as_json=settings.server.json_logs)
        queue, store = wiring.consumed_queue(settings), wiring.store(settings)
        gone, draining = Event(), Event()
        Thread(target=_listen, args=(gone, draining), daemon=True).start()

        def stopped() -> bool:
            return gone.is_set() or (draining.is_set() and queue.depth().waiting == 0)

        watch = sweeper.Watch(int(os.environ[_CLOCK]))
        with sweeper.sweeping(store, watch):
            consumer.run(queue, store, stopped, _tell)
    except TrackerError as error:
        log.error("%s", error)  # noqa: TRY400  (it says all)
        return 1
    return 0


def _tell(consumed: Consumed) -> None:
    with suppress(OSError):  # nobody listens any more: the end of input says so
        os.write(sys.stdout.fileno(), msgspec.json.encode(consumed._asdict()) + b"\n")


def _listen(gone: Event, draining: Event) -> None:
    # Unbuffered: a thread that waits inside a buffered reader stops the interpreter from ending.
    while word := os.read(sys.stdin.fileno(), 64):
        if b"drain" in word:
            draining.set()
    gone.set()


if __name__ == "__main__":
    sys.exit(main())
