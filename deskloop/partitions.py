"""Preprocessing in partitions: each is cleaned on its own; what needs all rows is decided over small tables.

A cleaned partition is a folder: its clean rows, what was set aside, and for each clean row a line of a small table
and MinHash bucket keys. `collect` decides over these and writes the final tables, one partition in memory at a time.
Knows nothing about where workers run or where folders are kept.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from deskloop import decisions, frames, minhash, quality, semantic
from deskloop.cleaning import Clean, clean
from deskloop.entries import Known
from deskloop.linking import Links, Quotes
from deskloop.records import Quarantined
from deskloop.settings import Settings, Shop
from deskloop.sources.batch import Batch, excerpt

_GOOD = frozenset("good great solved resolved answered satisfied 4 5 4.0 5.0".split())


def clean_part(batches: Iterable[Batch], known: Known, settings: Settings, folder: Path) -> int:
    """Clean the conversations of some batches into `folder`. Returns the number of clean ones."""
    import pyarrow.parquet as parquet

    links, quotes = Links(known.entries), Quotes(known.entries)
    read: Counter[str] = Counter()
    aside: list[dict[str, Any]] = []
    made = _Part(settings)
    for batch in batches:
        for records in (batch.conversations, batch.knowledge, batch.quarantined):
            read.update(record.source for record in records)
        aside += [row.model_dump() for row in batch.quarantined]
        for conversation in batch.conversations:
            result = clean(conversation, settings, known.public)
            if isinstance(result, str):
                said = excerpt(_asked((t.role, t.text) for t in conversation.turns), conversation.names)
                aside.append(_refused(conversation.source, conversation.lineage.locator, result, said))
            else:
                made.add(result, links, quotes)
    (folder / "read.json").write_text(json.dumps(read))
    parquet.write_table(frames.table("quarantine", aside), folder / "quarantine.parquet")
    parquet.write_table(frames.table("conversations", made.conversations), folder / "conversations.parquet")
    parquet.write_table(frames.table("messages", made.messages), folder / "messages.parquet")
    pd.DataFrame(made.table, columns=decisions.COLUMNS).to_parquet(folder / "table.parquet", index=False)
    for name, texts in (("whole", made.wholes), ("opening", [m["text"] for m in made.messages])):
        _sign(folder, name, texts, settings.preprocess.near_duplicate)
    if settings.preprocess.semantic_duplicates:
        from deskloop.features.sentence import SentenceEncoder
        from deskloop.generator.base import encoder_path

        vectors = SentenceEncoder.load(encoder_path(settings)).encode([m["text"] for m in made.messages])
        np.save(folder / "opening-vectors.npy", vectors.astype(np.float16), allow_pickle=False)
    return len(made.table)


def collect(parts: Sequence[Path], known: Known, settings: Settings, folder: Path) -> dict[str, Any]:
    """Decide, and write the final tables of all partitions into `folder`. Returns counts that add up."""
    tally = _Tally(settings.shop)
    columns = frames.schemas()["knowledge"].names
    listed = pd.DataFrame([e.model_dump(mode="json") for e in known.entries], columns=columns)
    entries, unfit = quality.check(listed, quality.knowledge)
    aside = [row.model_dump() for row in known.aside]
    aside += [_refused(row["source"], row["id"], row["reason"]) for row in unfit.to_dict("records")]
    with frames.Writer(folder) as out:
        out.add("knowledge", entries)
        out.add("quarantine", aside)
        tally.add(entries, aside)
        for part, made in zip(parts, decisions.decide(parts, settings), strict=True):
            tally.read.update(json.loads((part / "read.json").read_bytes()))
            tally.apart.update({name: int(made[name].sum()) for name in ("late", "crossing")})
            talks, said, refused = _finished(part, made)
            out.add("conversations", talks)
            out.add("messages", said)
            out.add("quarantine", refused)
            tally.add(talks, refused, said)
    return tally.counts()


class _Part:
    """What the clean conversations of a partition leave, in the order they came."""

    def __init__(self, settings: Settings) -> None:
        self._shop = settings.shop
        self._compared = settings.preprocess.semantic_duplicates is not None
        self.conversations: list[dict[str, Any]] = []
        self.messages: list[dict[str, Any]] = []
        self.wholes: list[str] = []
        self.table: list[tuple[Any, ...]] = []

    def add(self, found: Clean, links: Links, quotes: Quotes) -> None:
        named, url = links.of(found.conversation)
        entry = named or quotes.of(found.reply)
        row = found.conversation.model_dump(mode="json", exclude={"names"}) | {"knowledge_url": url}
        whole = _whole(found)
        self.conversations.append(row)
        self.messages.append(_message(row, found, entry))
        self.wholes.append(whole)
        routed = self._shop.policy(row["language"]) == "route"
        agree = semantic.must_agree(found.opening, row["intent"]) if self._compared else 0
        self.table.append((*_line(row, found, entry, whole), routed, whole == found.opening, agree))


def _whole(found: Clean) -> str:
    said = [t.text for t in found.conversation.turns if t.role == "customer"]
    return "\n".join(said) if len(said) > 1 else found.opening


def _message(row: dict[str, Any], found: Clean, entry: str | None) -> dict[str, Any]:
    same = ("intent", "language", "synthetic", "core_id", "channel", "source")
    asked = {"text": found.opening, "previous": found.previous, "reply": found.reply, "knowledge_id": entry}
    return {name: row[name] for name in same} | asked | {"at": row["started_at"]}


def _line(row: dict[str, Any], found: Clean, entry: str | None, whole: str) -> tuple[Any, ...]:
    """What the decisions read of a row, see `decisions.COLUMNS`; the best answered come first."""
    answered = 2 * bool(entry) + bool(found.reply) + 2 * bool(row["intent"])
    good = str(row["outcome"] or "").lower() in _GOOD
    said = hashlib.blake2b(whole.lower().encode("utf-8", "replace"), digest_size=8).digest()
    return (
        row["id"], row["source"], row["started_at"], row["customer"], row["synthetic"], row["core_id"],
        -(answered + good), int.from_bytes(said, "big", signed=True),
    )  # fmt: skip


def _sign(folder: Path, name: str, texts: list[str], threshold: float) -> None:
    shingles = minhash.shingle(texts)
    keys = minhash.band_keys(shingles, *minhash.shape(threshold))
    np.save(folder / f"{name}-keys.npy", keys, allow_pickle=False)
    np.save(folder / f"{name}-values.npy", shingles.values, allow_pickle=False)
    np.save(folder / f"{name}-offsets.npy", shingles.offsets, allow_pickle=False)


def _finished(part: Path, made: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, list[dict[str, Any]]]:
    """Final conversations and messages of a partition by the decisions made, and all that was set aside."""
    import pyarrow.parquet as parquet

    refused = [dict(row) for row in parquet.read_table(part / "quarantine.parquet").to_pylist()]
    talks = pd.read_parquet(part / "conversations.parquet")
    said = pd.read_parquet(part / "messages.parquet")
    out = (made["reason"] != "").to_numpy()
    for row, reason in zip(talks[out].to_dict("records"), made["reason"][out], strict=True):
        turns = ((turn["role"], turn["text"]) for turn in row["turns"])
        refused.append(_refused(row["source"], row["lineage"]["locator"], reason, excerpt(_asked(turns))))
    columns = {name: made[name].to_numpy() for name in ("id", "customer", "split")}
    talks = talks.assign(**columns)[~out]
    first = {"id": made["id"] + "#0", "conversation_id": made["id"]} | {n: made[n] for n in ("split", "newcomer")}
    said = said.assign(**{k: v.to_numpy() for k, v in first.items()})[~out & made["first"].to_numpy()]
    return _checked(talks, said, refused)


def _checked(
    talks: pd.DataFrame, said: pd.DataFrame, refused: list[dict[str, Any]]
) -> tuple[pd.DataFrame, pd.DataFrame, list[dict[str, Any]]]:
    said, bad = quality.check(said, quality.messages)
    why = dict(zip(bad["conversation_id"], bad["reason"], strict=True))
    talks, broken = quality.check(talks, quality.conversations)
    why |= dict(zip(broken["id"], broken["reason"], strict=True))
    out = talks["id"].isin(list(why))
    for row in [*talks[out].to_dict("records"), *broken.to_dict("records")]:
        refused.append(_refused(row["source"], row["lineage"]["locator"], why[row["id"]]))
    talks = talks[~out]
    return talks, said[said["conversation_id"].isin(set(talks["id"]))], refused


def _asked(turns: Iterable[tuple[str, str]]) -> str:
    """What the customer said first."""
    return next((text for role, text in turns if role == "customer"), "")


def _refused(source: str, locator: str, reason: str, shown: str = "") -> dict[str, Any]:
    return Quarantined(source=source, locator=locator, reason=reason, excerpt=shown).model_dump()


class _Tally:
    """Totals, by source, reason and split; and the digest of the test split, so that a change shows."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self.read: Counter[str] = Counter()
        self._accepted: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._languages: Counter[str] = Counter()
        self.apart: Counter[str] = Counter()  # what `decisions` found of rows that cannot stand where their time says
        self._splits: Counter[str] = Counter()
        self._files: Counter[str] = Counter()
        self._messages = self._labelled = self._routed = self._named = self._quoted = 0
        self._test: list[bytes] = []

    def add(self, rows: pd.DataFrame, refused: list[dict[str, Any]], said: pd.DataFrame | None = None) -> None:
        """Count accepted conversations with their messages, or accepted entries; and what was set aside."""
        self._accepted.update(rows["source"])
        self._refused.update(row["source"] for row in refused)
        self._reasons.update(row["reason"] for row in refused)
        if said is None:
            return
        self._languages.update(rows["language"])
        self._splits.update(said["split"])
        self._files.update(file["type"] or "unknown" for row in rows["lineage"] for file in row["attachments"])
        self._messages += len(said)
        self._routed += int((rows["language"].map(self._shop.policy) == "route").sum())
        self._labelled += int(said["intent"].notna().sum())
        known = said["knowledge_id"].notna()
        addressed = said["conversation_id"].isin(rows.loc[rows["knowledge_url"].notna(), "id"])
        self._named += int((known & addressed).sum())
        self._quoted += int((known & ~addressed).sum())
        test = said[said["split"] == "test"]
        lines = (f"{i}\t{t}".encode("utf-8", "replace") for i, t in zip(test["id"], test["text"], strict=True))
        self._test += [hashlib.blake2b(line, digest_size=16).digest() for line in lines]

    def counts(self) -> dict[str, Any]:
        read, accepted, refused = self.read, self._accepted, self._refused
        sources = {n: {"read": read[n], "accepted": accepted[n], "quarantined": refused[n]} for n in sorted(read)}
        return {
            "read": read.total(),
            "accepted": accepted.total(),
            "quarantined": refused.total(),
            "messages": self._messages,
            "routed": self._routed,
            "labelled": self._labelled,
            "entry_named": self._named,
            "entry_quoted": self._quoted,
            "sources": sources,
            "reasons": dict(self._reasons.most_common()),
            "splits": {s: self._splits[s] for s in ("train", "validation", "test")},
            "after_cut": int(self.apart["late"]),
            "customers_crossing": int(self.apart["crossing"]),
            "attachments": dict(self._files.most_common()),
            "languages": dict(self._languages.most_common()),
            "test_digest": hashlib.sha256(b"".join(sorted(self._test))).hexdigest(),
        }
