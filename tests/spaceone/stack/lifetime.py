"""Stops the harness on SIGTERM, SIGINT or the end of stdin. All waits of the harness use it."""

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
    """A request to stop that all waits check."""

    def __init__(self, detached: bool) -> None:
        """Listens for signals and, unless `detached`, for the end of stdin."""
        self._stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        if not detached:
            threading.Thread(target=self._watch_stdin, daemon=True).start()

    def _watch_stdin(self) -> None:
        """Waits for the end of stdin. The pipe closes when the test ends, on any system."""
        try:
            while os.read(0, 4096):
                pass
        except OSError:
            pass  # A closed descriptor means the same as the end of the file.
        self._stop.set()

    def pause(self, seconds: float = POLL_SECONDS) -> None:
        """Sleeps; raises StopRequested at a request to stop."""
        if self._stop.wait(seconds):
            raise StopRequested

    def wait_for(self, probe: Callable[[], T | None], seconds: float) -> T | None:
        """Returns the first result of `probe` that is not None, or None after `seconds`."""
        deadline = time.monotonic() + seconds
        while (result := probe()) is None and time.monotonic() < deadline:
            self.pause()
        return result
