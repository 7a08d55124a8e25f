"""Test aids of this project: a journal of requests, and faults before or after the real call."""

import re
import threading
from collections import deque
from dataclasses import asdict, dataclass, field, fields
from typing import Any

JOURNAL_LENGTH = 10_000


@dataclass
class Fault:
    """A fault for the next `count` requests whose `METHOD /path` contains `match`.

    `before` means that the server does not see the request. `after` means that it carries out the
    request and only the answer is lost, which is the dangerous case for creates.
    """

    match: str
    count: int = 1
    when: str = "before"
    status: int | None = None
    body: Any = None
    delay_ms: int = 0
    reset: bool = False
    pattern: re.Pattern[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Rejects a fault that would never apply."""
        if self.when not in ("before", "after"):
            raise ValueError(f"when: {self.when!r} is neither before nor after")
        if self.status is None and not self.reset and not self.delay_ms:
            raise ValueError("a fault needs a status, a reset or a delay_ms")
        try:
            self.pattern = re.compile(self.match)
        except re.error as error:
            raise ValueError(f"match: {error}") from error

    @classmethod
    def parse(cls, value: Any) -> "Fault":
        """Parses a fault from JSON; raises ValueError with the reason."""
        known = {f.name for f in fields(cls) if f.init}
        if not isinstance(value, dict) or "match" not in value or not value.keys() <= known:
            raise ValueError(f"a fault is an object with match and any of {sorted(known)}")
        return cls(**value)

    def shown(self) -> dict[str, Any]:
        """Returns the JSON that `parse` accepts."""
        return {name: value for name, value in asdict(self).items() if name != "pattern"}


class Aids:
    """Journal and faults, shared by all request threads."""

    def __init__(self) -> None:
        """Creates an empty journal without faults."""
        self._lock = threading.Lock()
        self._journal: deque[dict[str, Any]] = deque(maxlen=JOURNAL_LENGTH)
        self._faults: list[Fault] = []

    def record(self, entry: dict[str, Any]) -> None:
        """Appends an entry to the journal."""
        with self._lock:
            self._journal.append(entry)

    def journal(self, clear: bool) -> list[dict[str, Any]]:
        """Returns the journal, oldest entry first."""
        with self._lock:
            entries = list(self._journal)
            if clear:
                self._journal.clear()
            return entries

    def set_faults(self, value: Any) -> None:
        """Replaces all faults by one (an object) or several (a list)."""
        parsed = [Fault.parse(one) for one in (value if isinstance(value, list) else [value])]
        with self._lock:
            self._faults = parsed

    def faults(self) -> list[dict[str, Any]]:
        """Returns the faults that are not used up."""
        with self._lock:
            return [fault.shown() for fault in self._faults if fault.count > 0]

    def take(self, method: str, path: str) -> Fault | None:
        """Returns the first fault that matches this request, and counts the use."""
        with self._lock:
            for fault in self._faults:
                if fault.count > 0 and fault.pattern.search(f"{method} {path}"):
                    fault.count -= 1
                    return fault
        return None
