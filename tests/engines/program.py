"""One program that a test runs beside itself."""

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.engines.eventually import eventually
from tests.engines.leash import Leash

PATIENCE = 15.0  # seconds a program has to end once asked


class Program:
    """Runs in a process group of its own, so that its children end with it; prints to a file."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        leash: Leash,
        output: Path,
        env: Mapping[str, str],
        cwd: Path,
    ) -> None:
        self.output = output
        self._leash = leash
        self._over = False
        with output.open("ab") as file:
            self.process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=dict(env),
                cwd=cwd,
                start_new_session=True,
            )
        leash.hold(self.process.pid)

    @property
    def group(self) -> int:
        return self.process.pid

    def wait_until(self, ready: Callable[[], bool], timeout: float = 60) -> None:
        """Wait until it is ready; show what it printed when it ends or does not get there."""

        def ready_or_over() -> bool:
            return self.process.poll() is not None or ready()

        try:
            eventually(ready_or_over, timeout)
        except TimeoutError as error:
            self.kill()
            raise RuntimeError(f"{self.name} is not ready:\n{self.printed()}") from error
        if (code := self.process.poll()) is not None:
            self.kill()
            raise RuntimeError(f"{self.name} ended with {code}:\n{self.printed()}")

    def stop(self) -> int:
        """Ask it to end (SIGTERM), wait for that, and return its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired as error:
                self.kill()
                raise RuntimeError(
                    f"{self.name} was asked to end and did not within {PATIENCE:g} s:\n"
                    f"{self.printed()}"
                ) from error
        self.kill()  # children that it left behind
        return self.process.returncode

    def kill(self) -> None:
        """End it and its children at once (SIGKILL): nothing of theirs can react."""
        if self._over:  # its number may be another program's by now
            return
        with suppress(ProcessLookupError):
            os.killpg(self.group, signal.SIGKILL)
        self.process.wait()
        self._leash.release(self.group)
        self._over = True

    def printed(self) -> str:
        """The last of what it printed; nothing once its folder is gone, as a passed test's is."""
        if not self.output.exists():
            return ""
        return self.output.read_text(errors="replace")[-8_000:]

    @property
    def name(self) -> str:
        return self.output.stem
