"""Child processes: started with a log file and a lifeline, watched, and stopped together."""

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
# Well inside the five seconds the contract gives: all state is in memory, nothing is worth saving.
GRACE_SECONDS = 1.5


@dataclass
class Child:
    """One running command and where it writes."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def tail(self) -> str:
        """The last lines of the log, for error messages."""
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-TAIL_LINES:])


class Children:
    """All children of this process. Use as a context manager: leaving it stops every one."""

    def __init__(self) -> None:
        """No child yet."""
        self._children: list[Child] = []

    def start(self, name: str, command: list[str], log: Path, cwd: Path | None = None) -> Child:
        """Start `command` with its output in `log`; must be called from the main thread.

        The kernel ties a child to the *thread* that made it, so a short-lived thread would not do.
        A process group of its own keeps a terminal's Ctrl-C from killing children before the
        supervisor knows that it is meant, and lets `stop` reach grandchildren.
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
        """Raise if a child has ended: servers never do so of their own accord."""
        for child in self._children:
            status = child.process.poll()
            if status is not None:
                raise HarnessError(
                    f"{child.name} ended with {status}; {child.log}:\n{child.tail()}"
                )

    def tail(self, name: str) -> str:
        """Where a child logs and the end of it."""
        child = next(child for child in self._children if child.name == name)
        return f"{child.log}:\n{child.tail()}"

    def stop(self) -> None:
        """End every child: politely, then by force."""
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
        """Nothing to do: children are started later."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything, whatever happened."""
        self.stop()


def _signal_group(child: Child, number: int) -> None:
    """Signal the child's whole group; a group that is gone needs no signal."""
    with suppress(ProcessLookupError):
        os.killpg(child.process.pid, number)


def _environment() -> dict[str, str]:
    """The caller's environment without what would change how the pinned packages are found."""
    dropped = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
    kept = {
        k: v for k, v in os.environ.items() if k not in dropped and not k.startswith("SPACEONE_")
    }
    # Proxies must never see loopback traffic (gRPC and requests both read these).
    return kept | {"NO_PROXY": "*", "no_proxy": "*", "PYTHONUNBUFFERED": "1"}
