"""How a supervisor ends, and that nothing of it stays behind. Linux only: it reads /proc."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

Process = subprocess.Popen[bytes]
ENDING_SECONDS = 5.0


def by_sigterm(supervisor: Process, _: list[int]) -> None:
    """Asked to stop."""
    supervisor.terminate()


def by_stdin(supervisor: Process, _: list[int]) -> None:
    """The starter is gone, or closes its end of the pipe."""
    if supervisor.stdin:
        supervisor.stdin.close()


def by_sigkill(supervisor: Process, _: list[int]) -> None:
    """The supervisor cannot clean up any more."""
    supervisor.kill()


def by_dead_server(_: Process, servers: list[int]) -> None:
    """A server crashes; stderr, captured for this ending, must name it."""
    os.kill(servers[0], signal.SIGKILL)


Ending = Callable[[Process, list[int]], None]
# What the supervisor's exit status says about each.
STATUS: dict[Ending, int] = {by_sigterm: 0, by_stdin: 0, by_sigkill: -9, by_dead_server: 1}


def end(supervisor: Process, ending: Ending) -> list[str]:
    """End a supervisor; what did not go as it must."""
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
    """The processes whose parent is `parent`, oldest first."""
    return [pid for pid in _processes() if _stat(pid)[1:2] == [str(parent)]]


def _alive(pids: list[int]) -> list[int]:
    """Those that still run; a zombie is only waiting for its new parent to look."""
    return [pid for pid in pids if _stat(pid)[:1] not in ([], ["Z"])]


def _processes() -> list[int]:
    """Every process id."""
    return sorted(int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _stat(pid: int) -> list[str]:
    """State, parent and so on; nothing if the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    except OSError:
        return []
