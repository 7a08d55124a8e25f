"""Exchanges as committed data: what changes from run to run is replaced by placeholders.

| placeholder | stands for |
| --- | --- |
| `<domain_id>`, `<zone_id>`, ... | the value of that name in env.json |
| `<npolicy-1>`, `<npolicy-2>`, ... | ids that the server made, numbered as they first appear |
| `<timestamp>` | an ISO-8601 time in UTC, of whatever precision |
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
# Never in a file: `auth` names which one was sent.
SECRETS = ("token", "expired_token", "other_token")
NOT_REPLACED = ("era", "base_url", "console_url", *SECRETS)


class Recording:
    """The exchanges of one run of one era, in order."""

    def __init__(self, env: dict[str, str | None]) -> None:
        """`env` is the content of env.json."""
        self._names = {v: f"<{k}>" for k, v in env.items() if v and k not in NOT_REPLACED}
        self._ids: dict[str, str] = {}
        self.era = str(env["era"])
        self.exchanges: list[dict[str, Any]] = []

    def add(self, group: str, front: str, request: dict[str, Any], answer: Answer) -> None:
        """Append one exchange; the case it belongs to is named when it is judged."""
        response = {"status": answer.status, "body": answer.body}
        exchange = {"group": group, "case": None, "front": front}
        exchange |= {"request": self._stable(request), "response": self._stable(response)}
        self.exchanges.append(exchange)

    def name_last(self, case: str) -> None:
        """Say what the latest exchange shows."""
        self.exchanges[-1]["case"] = self._text(case)

    def differences(self, path: Path) -> list[str]:
        """How this run differs from the recording in `path`, one line an exchange."""
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
        """Write the file, one exchange a line, so that a change of the servers reads as a diff."""
        lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in self.exchanges)
        path.write_text(f'{{"era": "{self.era}", "exchanges": [\n{lines}\n]}}\n')

    def _stable(self, value: Any, key: str = "") -> Any:
        """The value with placeholders."""
        if isinstance(value, dict):
            return {k: self._stable(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [self._stable(v) for v in value]
        if key in EPOCH_KEYS and _is_number(value):
            return "<epoch>"
        return self._text(value) if isinstance(value, str) else value

    def _text(self, text: str) -> str:
        """One string: ids may stand inside messages and paths too."""
        for value, name in self._names.items():
            text = text.replace(value, name)
        return SERVER_ID.sub(self._numbered, TIMESTAMP.sub("<timestamp>", text))

    def _numbered(self, found: re.Match[str]) -> str:
        """The same placeholder for the same id, a new number for a new one."""
        return self._ids.setdefault(found[0], f"<{found[1]}-{len(self._ids) + 1}>")


def _is_number(value: Any) -> bool:
    """A number, or a string that is one (a bool is not)."""
    if isinstance(value, str):
        return re.fullmatch(r"\d+(\.\d+)?", value) is not None
    return isinstance(value, int | float) and not isinstance(value, bool)
