"""Runs a command that dies when its parent dies, even if the parent is killed with SIGKILL.

    lifeline.py PARENT_PID COMMAND [ARGUMENT...]

The request to the kernel survives exec, so any program can be wrapped, and it is made here rather
than between fork and exec of the supervisor, where running Python code is not safe with threads.
Other systems than Linux have no such request; there the supervisor's own clean-up has to do.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie this process to PARENT_PID, then become COMMAND."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
            sys.exit(f"prctl(PR_SET_PDEATHSIG): {os.strerror(ctypes.get_errno())}")
        if os.getppid() != parent:
            # The parent died before the request was made: no signal will ever come.
            sys.exit("the parent is gone already")
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
