"""Checks that an ending supervisor leaves no process. Linux only, because it reads /proc."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

Process = subprocess.Popen[bytes]
ENDING_SECONDS = 5.0


def by_sigterm(supervisor: Process, _: list[int]) -> None:
    """Asks the supervisor to stop."""
    supervisor.terminate()


def by_stdin(supervisor: Process, _: list[int]) -> None:
    """Closes the supervisor's stdin, as the end of its starter does."""
    if supervisor.stdin:
        supervisor.stdin.close()


def by_sigkill(supervisor: Process, _: list[int]) -> None:
    """Kills the supervisor, so that it cannot clean up."""
    supervisor.kill()


def by_dead_server(_: Process, servers: list[int]) -> None:
    """Kills a server. The supervisor's stderr, captured for this ending, must name it."""
    os.kill(servers[0], signal.SIGKILL)


Ending = Callable[[Process, list[int]], None]
# The supervisor's exit status after each ending.
STATUS: dict[Ending, int] = {by_sigterm: 0, by_stdin: 0, by_sigkill: -9, by_dead_server: 1}


def end(supervisor: Process, ending: Ending) -> list[str]:
    """Ends a supervisor; returns the problems."""
    servers = _children(supervisor.pid)
    if len(servers) < 3:
        return [f"only {len(servers)} servers were running"]
    began = time.monotonic()
    ending(supervisor, servers)
    try:
        status = supervisor.wait(ENDING_SECONDS)
    except subprocess.TimeoutExpired:
        return [f"still running after {ENDING_SECONDS} s"]
    problems = [] if status == STATUS[ending] else [f"exit status {status}"]
    if supervisor.stderr and b"ended with -9; " not in supervisor.stderr.read():
        problems.append("stderr does not say which server died")
    while (left := _alive(servers)) and time.monotonic() - began < ENDING_SECONDS:
        time.sleep(0.05)
    return problems + [f"process {pid} is left" for pid in left]


def _children(parent: int) -> list[int]:
    """Returns the processes whose parent is `parent`, oldest first."""
    return [pid for pid in _processes() if _stat(pid)[1:2] == [str(parent)]]


def _alive(pids: list[int]) -> list[int]:
    """Returns the processes that still run. A zombie does not."""
    return [pid for pid in pids if _stat(pid)[:1] not in ([], ["Z"])]


def _processes() -> list[int]:
    """Returns all process ids."""
    return sorted(int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _stat(pid: int) -> list[str]:
    """Returns state, parent and further fields; nothing if the process has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    except OSError:
        return []
