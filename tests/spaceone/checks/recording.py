"""Recorded exchanges. Placeholders replace the values that change from run to run.

| placeholder | stands for |
| --- | --- |
| `<domain_id>`, `<zone_id>`, ... | the value of that name in env.json |
 `<npolicy-1>`, `<npolicy-2>`, ... | ids that the server chose, numbered as they first appear |
 `<timestamp>` | an ISO-8601 time in UTC, of any precision |
| `<epoch>` | seconds since 1970 as a number or a numeric string |
"""

import json
import re
from pathlib import Path
from typing import Any

from stack.client import Answer

TIMESTAMP = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z?")
SERVER_ID = re.compile(r"\b(npolicy)-[0-9a-f]{12}\b")
EPOCH_KEYS = ("updated_at",)
# Not in the file: `auth` has the name of the token.
SECRETS = ("token", "expired_token", "other_token")
NOT_REPLACED = ("era", "base_url", "console_url", *SECRETS)


class Recording:
    """The exchanges of one run of one era, in order."""

    def __init__(self, env: dict[str, str | None]) -> None:
        """Creates an empty recording. `env` is the content of env.json."""
        self._names = {v: f"<{k}>" for k, v in env.items() if v and k not in NOT_REPLACED}
        self._ids: dict[str, str] = {}
        self.era = str(env["era"])
        self.exchanges: list[dict[str, Any]] = []

    def add(self, group: str, front: str, request: dict[str, Any], answer: Answer) -> None:
        """Appends an exchange. `name_last` adds its case later."""
        response = {"status": answer.status, "body": answer.body}
        exchange = {"group": group, "case": None, "front": front}
        exchange |= {"request": self._stable(request), "response": self._stable(response)}
        self.exchanges.append(exchange)

    def name_last(self, case: str) -> None:
        """Sets the case of the latest exchange."""
        self.exchanges[-1]["case"] = self._text(case)

    def differences(self, path: Path) -> list[str]:
        """Returns the differences from the recording in `path`, one line per exchange."""
        old = json.loads(path.read_text())["exchanges"]
        lines = [
            f"{a['group']}: {a['case']}: recorded {json.dumps(b)}, now {json.dumps(a)}"
            for a, b in zip(self.exchanges, old, strict=False)
            if a != b
        ]
        if len(old) != len(self.exchanges):
            lines.append(f"{len(old)} exchanges are recorded, now there were {len(self.exchanges)}")
        return lines

    def write(self, path: Path) -> None:
        """Writes the file, one exchange per line, so that a diff shows a change of the servers."""
        lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in self.exchanges)
        path.write_text(f'{{"era": "{self.era}", "exchanges": [\n{lines}\n]}}\n')

    def _stable(self, value: Any, key: str = "") -> Any:
        """Returns the value with placeholders."""
        if isinstance(value, dict):
            return {k: self._stable(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [self._stable(v) for v in value]
        if key in EPOCH_KEYS and _is_number(value):
            return "<epoch>"
        return self._text(value) if isinstance(value, str) else value

    def _text(self, text: str) -> str:
        """Replaces the values in a string. Messages and paths may contain ids."""
        for value, name in self._names.items():
            text = text.replace(value, name)
        return SERVER_ID.sub(self._numbered, TIMESTAMP.sub("<timestamp>", text))

    def _numbered(self, found: re.Match[str]) -> str:
        """Returns the placeholder of an id. A new id gets a new number."""
        return self._ids.setdefault(found[0], f"<{found[1]}-{len(self._ids) + 1}>")


def _is_number(value: Any) -> bool:
    """Returns True for a number or a numeric string, but not for a bool."""
    if isinstance(value, str):
        return re.fullmatch(r"\d+(\.\d+)?", value) is not None
    return isinstance(value, int | float) and not isinstance(value, bool)
