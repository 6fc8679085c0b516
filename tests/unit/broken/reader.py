"""A process that reads what the test asks for, one request a line, in limited memory. Prints one answer a line."""

from __future__ import annotations

import json
import re
import resource
import sys
import time
from pathlib import Path

import lxml.html  # noqa: F401  what readers import lazily counts for nobody
import openpyxl  # noqa: F401
import oxmsg  # noqa: F401
import pyarrow.parquet  # noqa: F401
import yaml  # noqa: F401
from pydantic import TypeAdapter

from deskloop import sources
from deskloop.errors import BadInput
from deskloop.origins import AnySource
from deskloop.settings import Settings
from deskloop.sources import files, helpdesk, mail  # noqa: F401

MARK = re.compile(r"Where is parcel (\d+)\b")
ADDRESS_SPACE = 700_000_000  # bytes more than the process has when it begins


def memory(field: str) -> int:
    """VmSize, VmRSS or VmHWM of this process, in bytes."""
    return int(re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024


def read(source: dict, home: str) -> dict:
    try:
        batch = sources.read(TypeAdapter(AnySource).validate_python(source), Settings(home=Path(home)))
    except BadInput as error:
        return {"refused": str(error), "good": 0, "reasons": []}
    said = [c.turns[0].text for c in batch.conversations] + [k.question for k in batch.knowledge]
    return {
        "read": batch.read,
        "accepted": len(said),
        "quarantined": len(batch.quarantined),
        "good": len({m[1] for text in said if (m := MARK.search(text))}),
        "reasons": [q.reason for q in batch.quarantined][:20],
    }


def answer(source: dict, home: str) -> dict:
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before, began = memory("VmRSS"), time.monotonic()
    try:
        found = read(source, home)
    except BaseException as error:
        found = {"crash": f"{type(error).__name__}: {error}"[:300]}
    return {**found, "seconds": time.monotonic() - began, "grown": memory("VmHWM") - before}


if __name__ == "__main__":
    limit = memory("VmSize") + ADDRESS_SPACE
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for line in sys.stdin:
        print(json.dumps(answer(**json.loads(line))), flush=True)
