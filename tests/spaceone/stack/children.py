"""Starts child processes with a log file and a lifeline, watches them and stops them together."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from stack.failure import HarnessError

LIFELINE = Path(__file__).with_name("lifeline.py")
TAIL_LINES = 40
# Well below the documented five seconds: all state is in memory and need not be saved.
GRACE_SECONDS = 1.5


@dataclass
class Child:
    """A running command and its log."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def tail(self) -> str:
        """Returns the last lines of the log, for error messages."""
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-TAIL_LINES:])


class Children:
    """All children of this process. Leaving the context manager stops them."""

    def __init__(self) -> None:
        """Creates an empty list of children."""
        self._children: list[Child] = []

    def start(self, name: str, command: list[str], log: Path, cwd: Path | None = None) -> Child:
        """Starts `command` with its output in `log`; must be called from the main thread.

        The kernel kills a child at the end of the *thread* that started it, so a short-lived thread
        must not start one. With a separate process group, a terminal's Ctrl-C reaches only the
        supervisor, and `stop` reaches grandchildren.
        """
        wrapped = [sys.executable, "-I", str(LIFELINE), str(os.getpid()), *command]
        with log.open("wb") as output:
            process = subprocess.Popen(
                wrapped,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env=_environment(),
                process_group=0,
            )
        child = Child(name, process, log)
        self._children.append(child)
        return child

    def check(self) -> None:
        """Raises an error if a child has ended. A server does not end by itself."""
        for child in self._children:
            status = child.process.poll()
            if status is not None:
                raise HarnessError(
                    f"{child.name} ended with {status}; {child.log}:\n{child.tail()}"
                )

    def tail(self, name: str) -> str:
        """Returns the path of a child's log and the end of the log."""
        child = next(child for child in self._children if child.name == name)
        return f"{child.log}:\n{child.tail()}"

    def stop(self) -> None:
        """Ends all children: first by SIGTERM, then by SIGKILL."""
        for child in self._children:
            _signal_group(child, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        for child in self._children:
            with suppress(subprocess.TimeoutExpired):
                child.process.wait(max(0.0, deadline - time.monotonic()))
            _signal_group(child, signal.SIGKILL)
            child.process.wait()
        self._children.clear()

    def __enter__(self) -> "Children":
        """Does nothing. Children start later."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stops all children in any case."""
        self.stop()


def _signal_group(child: Child, number: int) -> None:
    """Sends a signal to the child's process group, if it still exists."""
    with suppress(ProcessLookupError):
        os.killpg(child.process.pid, number)


def _environment() -> dict[str, str]:
    """Returns the caller's environment without variables that change the lookup of packages."""
    dropped = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
    kept = {
        k: v for k, v in os.environ.items() if k not in dropped and not k.startswith("SPACEONE_")
    }
    # Proxies must not get loopback traffic (gRPC and requests both read these variables).
    return kept | {"NO_PROXY": "*", "no_proxy": "*", "PYTHONUNBUFFERED": "1"}
