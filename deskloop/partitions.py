"""Preprocessing of more than fits in memory: partitions side by side, the global steps on signatures alone.

Each partition is cleaned on its own and leaves its clean rows, bucket keys and a small table; near-duplicates and
splits are decided over these for all rows at once; then each partition writes its final frames. The decisions are
those of `prepare.prepare`. Memory: one partition a worker, and some hundred bytes a row for the global step.
Knows nothing about where workers run: whoever calls gives the `each` that maps a function over partitions.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from deskloop import decisions, minhash, prepare
from deskloop.linking import Links
from deskloop.records import KnowledgeEntry, Quarantined
from deskloop.settings import Settings
from deskloop.sources.batch import Batch
from deskloop.store import write_atomic

Each = Callable[[Callable[..., Any], Sequence[tuple[Any, ...]]], list[Any]]
FRAMES = ("conversations", "messages", "quarantine")


def save_parts(batches: Iterable[Batch], folder: Path) -> list[Path]:
    """Write each batch as a partition's raw folder, as they come. Returns the folders."""
    parts = []
    for number, batch in enumerate(batches):
        part = folder / f"part-{number:05d}"
        part.mkdir(parents=True)
        batch.save(part)
        parts.append(part)
    return parts


def prepare_parts(parts: Sequence[Path], settings: Settings, each: Each) -> dict[str, Any]:
    """Clean, deduplicate, split and check; each partition's folder gets one Parquet file a frame. Returns counts."""
    aside: list[Quarantined] = []
    entries = prepare._knowledge([e for part in parts for e in _entries(part)], aside)
    known = [e.model_dump_json() for e in entries]
    public = prepare._public(entries, settings)
    each(clean_part, [(str(part), settings, public, known) for part in parts])
    decisions.decide(parts, settings)
    counts = each(finish_part, [(str(part),) for part in parts])
    return _total(counts, len(entries), len(aside))


def clean_part(folder: str, settings: Settings, public: tuple[str, ...], known: Sequence[str]) -> int:
    """Clean one partition. The result lies in its folder, so that a lost worker's partition is simply done again."""
    part = Path(folder)
    batch = Batch.load(part)
    links = Links([KnowledgeEntry.model_validate_json(row) for row in known])
    aside = list(batch.quarantined)
    items = list(prepare._cleaned(batch.conversations, settings, public, links, aside))
    threshold = settings.preprocess.near_duplicate
    for name, texts in (
        ("whole", [prepare._whole(i) for i in items]),
        ("opening", [i.clean.opening for i in items]),
    ):
        _sign(part, name, texts, threshold)
    write_atomic(part / "clean.jsonl", "".join(_line(i) for i in items).encode())
    _write(
        part / "aside.parquet", pd.DataFrame([q.model_dump() for q in aside], columns=list(Quarantined.model_fields))
    )
    _write(part / "table.parquet", pd.DataFrame([_row(i) for i in items], columns=decisions.COLUMNS))
    return batch.read


def finish_part(folder: str) -> dict[str, Any]:
    """Write the final frames of one partition by the decisions made over all. Returns its counts."""
    part = Path(folder)
    table = pd.read_parquet(part / "decided.parquet")
    before = pd.read_parquet(part / "aside.parquet").to_dict("records")
    aside = [Quarantined.model_validate(row) for row in before]
    conversations, messages = [], []
    with (part / "clean.jsonl").open("rb") as stream:
        for line, made in zip(stream, table.itertuples(index=False), strict=True):
            row = json.loads(line)
            conversation, message = row["conversation"], row["message"]
            if made.reason:
                said = next((t["text"] for t in conversation["turns"] if t["role"] == "customer"), "")
                locator = conversation["lineage"]["locator"]
                aside.append(
                    Quarantined(
                        source=conversation["source"],
                        locator=locator,
                        reason=made.reason,
                        excerpt=prepare.excerpt(said),
                    )
                )
                continue
            conversations.append({**conversation, "customer": made.customer, "split": made.split})
            if made.first:
                messages.append({**message, "split": made.split})
    return _frames(part, conversations, messages, aside)


def _frames(
    part: Path, conversations: list[dict[str, Any]], messages: list[dict[str, Any]], aside: list[Quarantined]
) -> dict[str, Any]:
    columns = [f for f in prepare.Conversation.model_fields if f != "names"]
    made = pd.DataFrame(conversations, columns=[*columns, "split"])
    said = pd.DataFrame(messages, columns=list(prepare._MESSAGE_COLUMNS))
    made, said, _ = prepare._checked(made, said, pd.DataFrame(columns=list(KnowledgeEntry.model_fields)), aside)
    refused = pd.DataFrame([q.model_dump() for q in aside], columns=list(Quarantined.model_fields))
    for name, frame in zip(FRAMES, (made, said, refused), strict=True):
        _write(part / f"{name}.parquet", frame)
    reasons = refused["reason"].value_counts().to_dict()
    splits = said["split"].value_counts().to_dict()
    return {"accepted": len(made), "quarantined": len(refused), "messages": len(said), "reasons": reasons,
            "splits": splits, "digest": _digest(said)}  # fmt: skip


def _digest(messages: pd.DataFrame) -> str:
    """Digest of the messages by content, whatever the order of the rows."""
    columns = [messages[c].astype(str) for c in ("id", "text", "split", "reply")]
    lines = sorted("\t".join(row) for row in zip(*columns, strict=True))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _total(counts: list[dict[str, Any]], entries: int, aside: int) -> dict[str, Any]:
    def summed(name: str) -> dict[str, int]:
        keys = sorted({k for c in counts for k in c[name]})
        return {k: int(sum(c[name].get(k, 0) for c in counts)) for k in keys}

    accepted = sum(c["accepted"] for c in counts) + entries
    quarantined = sum(c["quarantined"] for c in counts) + aside
    digest = hashlib.sha256("".join(c["digest"] for c in counts).encode()).hexdigest()
    return {"read": accepted + quarantined, "accepted": accepted, "quarantined": quarantined,
            "messages": sum(c["messages"] for c in counts), "reasons": summed("reasons"), "splits": summed("splits"),
            "digest": digest}  # fmt: skip


def _entries(part: Path) -> list[KnowledgeEntry]:
    return [KnowledgeEntry.model_validate_json(line) for line in (part / "knowledge.jsonl").open("rb")]


def _sign(part: Path, name: str, texts: list[str], threshold: float) -> None:
    shingles = minhash.shingle(texts)
    keys = minhash.band_keys(shingles, *minhash.shape(threshold))
    np.save(part / f"{name}-keys.npy", keys, allow_pickle=False)
    np.save(part / f"{name}-values.npy", shingles.values, allow_pickle=False)
    np.save(part / f"{name}-offsets.npy", shingles.offsets, allow_pickle=False)


def _line(item: prepare._Item) -> str:
    kept = item.conversation.model_dump(mode="json", exclude={"names"})
    return json.dumps({"conversation": kept, "message": prepare._message(item)}, ensure_ascii=False) + "\n"


def _row(item: prepare._Item) -> tuple[Any, ...]:
    c = item.conversation
    said = hashlib.blake2b(prepare._whole(item).lower().encode("utf-8", "replace"), digest_size=8).digest()
    at = c.started_at.isoformat() if c.started_at else None
    made, answered, started, _ = prepare._worth(item)
    return (
        c.id,
        c.source,
        at,
        c.customer,
        made,
        c.core_id,
        answered,
        started,
        int.from_bytes(said, "big", signed=True),
    )


def _write(path: Path, frame: pd.DataFrame) -> None:
    write_atomic(path, frame.to_parquet(index=False))
