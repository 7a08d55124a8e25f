"""When to stop: SIGTERM, SIGINT, or the end of stdin. Every wait of the harness goes through it."""

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from stack.failure import StopRequested

T = TypeVar("T")
POLL_SECONDS = 0.05


class Lifetime:
    """A stop request that any number of waits observe."""

    def __init__(self, detached: bool) -> None:
        """Listen for signals and, unless `detached`, for the end of stdin."""
        self._stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        if not detached:
            threading.Thread(target=self._watch_stdin, daemon=True).start()

    def _watch_stdin(self) -> None:
        """A test that dies closes the pipe, whatever killed it; that is the portable lifeline."""
        try:
            while os.read(0, 4096):
                pass
        except OSError:
            pass  # A closed descriptor says the same as the end of the file.
        self._stop.set()

    def pause(self, seconds: float = POLL_SECONDS) -> None:
        """Sleep, or raise StopRequested as soon as a stop is asked for."""
        if self._stop.wait(seconds):
            raise StopRequested

    def wait_for(self, probe: Callable[[], T | None], seconds: float) -> T | None:
        """The first result of `probe` that is not None, or None when `seconds` have passed."""
        deadline = time.monotonic() + seconds
        while (result := probe()) is None and time.monotonic() < deadline:
            self.pause()
        return result
