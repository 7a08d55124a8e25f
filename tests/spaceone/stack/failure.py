"""The one error the harness reports to its user, and the request to stop."""


class HarnessError(Exception):
    """Something the user must read: what failed, with the tail of the log that tells why."""


class StopRequested(Exception):
    """Not a failure: a signal came, or stdin closed, while something was being waited for."""
