"""The answers that differ between the eras, in one table: (status, error code) per case.

`network` is the inventory of June 2020; `rest` and `verb` are repository Policy 1.11 and 1.12.
"""

Outcome = tuple[int, str | None]

OK: Outcome = (200, None)
TABLE: dict[str, dict[str, Outcome]] = {
    "create duplicate": {
        "rest": (400, "ERROR_SAVE_UNIQUE_VALUES"),
        "verb": (409, "ERROR_SAVE_UNIQUE_VALUES"),
    },
    "create invalid id": {
        "rest": (500, "ERROR_INVALID_POLICY_ID_FORMAT"),
        "verb": (400, "ERROR_INVALID_POLICY_ID_FORMAT"),
    },
    "create long id": {
        "rest": (500, "ERROR_INVALID_POLICY_ID_LENGTH"),
        "verb": (400, "ERROR_INVALID_POLICY_ID_LENGTH"),
    },
    "create dotted tag": {
        # pymongo 3 rejects the key, pymongo 4 accepts it.
        "rest": (500, "ERROR_DB_QUERY"),
        "verb": OK,
    },
    "get missing": {
        "rest": (500, "ERROR_NO_POLICY"),
        "verb": (400, "ERROR_NO_POLICY"),
        "network": (400, "ERROR_NOT_FOUND"),
    },
    "get without domain": {
        # 1.11 finds the id in any domain.
        "rest": OK,
        "verb": (400, "ERROR_NO_POLICY"),
    },
    "update missing": {
        "rest": (400, "ERROR_NOT_FOUND"),
        "verb": (404, "ERROR_NOT_FOUND"),
        "network": (400, "ERROR_NOT_FOUND"),
    },
    "delete missing": {
        "rest": (400, "ERROR_NOT_FOUND"),
        "verb": (404, "ERROR_NOT_FOUND"),
        "network": (400, "ERROR_NOT_FOUND"),
    },
    "stat": {
        "rest": OK,
        "verb": (500, "ERROR_UNKNOWN"),
    },
}


def outcome(case: str, column: str) -> Outcome:
    """Returns the answer of `column` in `case`."""
    return TABLE[case][column]
