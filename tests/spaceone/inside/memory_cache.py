"""A cache for the identity server, in its own memory and with the contract of Redis.

Values go through JSON, so every reader gets a copy of its own. An entry ends after `expire` seconds. Patterns are
those of `KEYS`. The cache that spaceone-core has for one process rejects `expire`, and identity needs it.
"""

import json
import threading
import time
from fnmatch import fnmatchcase
from typing import Any


class MemoryCache:
    """The methods of spaceone-core's Redis cache that identity calls."""

    def __init__(self, _backend: str, _options: dict[str, Any]) -> None:
        """Creates an empty cache."""
        self._lock = threading.Lock()
        self._entries: dict[str, tuple[str, float | None]] = {}

    def get(self, key: str, **_: Any) -> Any:
        """Returns the value of a key, or None."""
        with self._lock:
            self._drop_expired()
            entry = self._entries.get(key)
        return None if entry is None else json.loads(entry[0])

    def set(self, key: str, value: Any, expire: int | None = None, **_: Any) -> bool:
        """Stores a value. None becomes an empty object, as in the Redis cache."""
        text = json.dumps({} if value is None else value)
        with self._lock:
            self._entries[key] = (text, None if expire is None else time.monotonic() + expire)
        return True

    def keys(self, pattern: str = "*") -> list[str]:
        """Returns the keys that match a pattern."""
        with self._lock:
            self._drop_expired()
            return [key for key in self._entries if fnmatchcase(key, pattern)]

    def delete(self, *keys: str) -> None:
        """Removes keys. Absent ones are no error."""
        with self._lock:
            for key in keys:
                self._entries.pop(key, None)

    def delete_pattern(self, pattern: str) -> None:
        """Removes the keys that match a pattern."""
        self.delete(*self.keys(pattern))

    def _drop_expired(self) -> None:
        now = time.monotonic()
        expired = [key for key, (_, end) in self._entries.items() if end is not None and end <= now]
        for key in expired:
            del self._entries[key]
