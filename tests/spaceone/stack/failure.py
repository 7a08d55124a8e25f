"""The error that the harness reports to its user, and the request to stop."""


class HarnessError(Exception):
    """An error for the user: the failure, with the end of the log that shows the reason."""


class StopRequested(Exception):
    """No failure: a signal arrived or stdin closed while the harness waited."""
