"""Runs a command that ends with its parent, even if the parent is killed with SIGKILL.

    lifeline.py PARENT_PID COMMAND [ARGUMENT...]

The script asks the kernel for a signal at the parent's end. That request survives exec, so the
script can wrap any program. The supervisor does not make the request between fork and exec,
because Python code there is not safe with threads. Systems other than Linux have no such request;
the supervisor's clean-up must suffice there.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Asks for a signal at the end of PARENT_PID, then executes COMMAND."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
            sys.exit(f"prctl(PR_SET_PDEATHSIG): {os.strerror(ctypes.get_errno())}")
        if os.getppid() != parent:
            # The parent ended before the request, so no signal will come.
            sys.exit("the parent is gone already")
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
