"""The configuration file as plain values: reads the YAML, fills in variables, makes paths absolute.

Knows nothing about which settings there are.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from deskloop.errors import BadInput


def read(path: Path) -> dict[str, Any]:
    """Settings in a YAML file, with `${NAME}` replaced. Raises BadInput with one line."""
    try:
        values = yaml.safe_load(path.read_text("utf-8")) or {}
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"config {path} cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise BadInput(f"config {path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise BadInput(f"config {path} must be a mapping of settings, got {type(values).__name__}")
    odd = [key for key in values if not isinstance(key, str)]
    if odd:
        raise BadInput(f"config {path}: {odd[0]!r} is no setting; check its spelling and indentation")
    return _filled_in(values)


def _filled_in(value: Any) -> Any:
    """Replace `${NAME}` in strings, after parsing: a comment needs no variable, a value cannot break the YAML."""
    if isinstance(value, dict):
        return {key: _filled_in(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled_in(inner) for inner in value]
    return re.sub(r"\$\{(\w+)\}", _variable, value) if isinstance(value, str) else value


def _variable(match: re.Match[str]) -> str:
    name = match.group(1)
    if name not in os.environ:
        raise BadInput(f"the config uses ${{{name}}}, which is not set in the environment")
    return os.environ[name]


def told(error: ValidationError) -> str:
    """The first thing that is wrong: where, what was wanted, and what stands there (but no secret)."""
    found = error.errors(include_url=False)
    # a misspelt key is also a missing one: the key that stands there is what a person looks for
    first = next((e for e in found if e["type"] == "extra_forbidden"), found[0])
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"{where} is no setting; check its spelling and indentation"
    given = first["input"]
    plain = isinstance(given, str | int | float) and not where.endswith(("token", "key", "password"))
    wanted = first["msg"].removeprefix("Value error, ")
    return (f"{where}: {wanted}" if where else wanted) + (f", got {given!r}" if plain else "")


def below(folder: Path, path: Path) -> Path:
    """A path of the configuration: `~` and absolute ones as they are, others from the file's folder."""
    return folder / path.expanduser()


def anchored_sqlite(url: str, folder: Path) -> str:
    """A relative SQLite file from the configuration's folder; any other database URL as it is."""
    head, mark, tail = url.partition(":///")
    if head.startswith("sqlite") and mark and tail and not tail.startswith(("/", ":memory:")):
        return f"{head}:///{below(folder, Path(tail))}"
    return url
