"""The rows a bench is given, checked for their fields. Knows nothing about what they mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deskloop.errors import BadInput
from deskloop.sources.files import rows


def read(path: Path, *fields: str) -> list[dict[str, Any]]:
    """Rows of a .jsonl or .jsonl.gz file that all have `fields`. Raises BadInput naming file and row."""
    found = rows(path)
    wanted = ", ".join(fields)
    if not found:
        raise BadInput(f"{path} has no rows; wanted lines with {wanted}")
    for number, row in enumerate(found, 1):
        missing = [name for name in fields if row.get(name) is None]
        if missing:
            raise BadInput(f"{path} row {number} lacks {', '.join(missing)}; wanted {wanted}")
    return found
