"""Write the sample shop's forms for `deskloop bench answers`: `python benchmarks/shop.py HOME OUT_DIR`.

HOME is the home folder of a `deskloop demo --once`. Knowledge is what its champion answers from, cases are the
held-out messages that a human answered, and those of the validation split apart; the link `bundle` leads to the
champion. `make bench-answers` does all of it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from deskloop.database import connect
from deskloop.releases import Release, Releases
from deskloop.scorecard import conversation, test_cases


def main() -> None:
    """Write both files and name the bundle."""
    home, out, champion = arguments()
    entries = json.loads((champion.path / "index" / "entries.json").read_bytes())
    found = messages(home)
    made = {
        "knowledge": entries,
        "cases": cases(test_cases(found)),
        "validation": cases(found[found["split"] == "validation"].sort_values("id")),
    }
    for name, rows in made.items():
        text = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
        (out / f"answers_shop_{name}.jsonl").write_text(text, "utf-8")
        print(f"{len(rows):7,} answers_shop_{name}.jsonl")
    (out / "bundle").unlink(missing_ok=True)
    (out / "bundle").symlink_to(champion.path.resolve())


def arguments() -> tuple[Path, Path, Release]:
    """HOME and OUT_DIR of the command line, the latter made, and the champion at home."""
    if len(sys.argv) != 3:
        sys.exit(f"usage: python {sys.argv[0]} HOME OUT_DIR")
    home, out = Path(sys.argv[1]), Path(sys.argv[2])
    champion = Releases(connect(f"sqlite:///{home / 'deskloop.db'}"), str(home / "store")).champion()
    if champion is None:
        sys.exit(f"{home} has no champion; run `deskloop demo --once` there")
    out.mkdir(parents=True, exist_ok=True)
    return home, out, champion


def asked(name: str) -> list[list[str]]:
    """The fields of each line of one of the files written by hand."""
    lines = (Path(__file__).parent / "shop" / f"{name}.txt").read_text("utf-8").splitlines()
    return [line.split("|") for line in lines if line and not line.startswith("#")]


def cases(found: pd.DataFrame) -> list[dict[str, Any]]:
    """Messages that a human answered, in the bench's form."""
    return [
        {
            "id": row["id"],
            "messages": conversation(row),
            "reply": row["reply"],
            "knowledge_id": row["knowledge_id"] if isinstance(row["knowledge_id"], str) else None,
        }
        for row in found.to_dict("records")
        if row["reply"]
    ]


def messages(home: Path) -> pd.DataFrame:
    """The newest table of messages in the home folder's store."""
    tables = sorted((home / "store").rglob("*"), key=lambda p: -p.stat().st_mtime)
    for path in tables:
        if path.is_file() and path.open("rb").read(4) == b"PAR1":
            frame = pd.read_parquet(path)
            if {"knowledge_id", "split", "reply"} <= set(frame.columns):
                return frame
    sys.exit(f"{home} holds no messages; run `deskloop demo --once` there")


if __name__ == "__main__":
    main()
