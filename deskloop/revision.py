"""What changed between the knowledge of two versions, and whether the desk's own past replies bear the changes out.

A changed figure in one answer may be the shop's new rule or a mistake: past replies speak against both. What tells a
mistake, a broken page or tampering is how many answers change so at once, and an answer that is about something else.
Knows entries and replies; nothing about verdicts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from deskloop import facts
from deskloop.records import KnowledgeEntry

MOST_REPLIES = 40  # looked at for an edited answer, the latest
BORNE_OUT = 0.9  # as many replies as agreed with the old answer: from here on they bear the new one out
NEAR = 0.5  # as many as were near to the old answer: below, the new one is about something else

Encode = Callable[[Sequence[str]], Any]


def digest(entry: KnowledgeEntry) -> str:
    """Of what a customer can see of an entry."""
    return hashlib.sha256("\0".join((entry.question, entry.answer, entry.url or "")).encode()).hexdigest()


def between(
    new: Sequence[KnowledgeEntry],
    old: Sequence[KnowledgeEntry],
    replies: Mapping[str, Sequence[str]],
    encode: Encode,
) -> dict[str, Any]:
    """Ids of entries `added`, `removed` and `edited`; of the edited, those that past `replies` speak `against`.

    An entry that moved to another address is edited. `replies`: of people, by the id of the entry that they used,
    oldest first; an answer that no reply bore out before is compared with its own old words. `astray` are edited
    answers about something else. `encode`: unit rows. JSON.
    """
    before = _matched(new, old)
    edited = [(e, before[e.id]) for e in new if e.id in before and digest(e) != digest(before[e.id])]
    told = {e.id: _told(e.answer, was.answer, replies.get(e.id, ()), encode) for e, was in edited}
    kept = {was.id for was in before.values()}
    return {
        "entries": len(old),
        "added": [e.id for e in new if e.id not in before],
        "removed": [e.id for e in old if e.id not in kept],
        "edited": [e.id for e, _ in edited],
        "against": [i for i, (same, _) in told.items() if same < BORNE_OUT],
        "astray": [i for i, (_, near) in told.items() if near < NEAR],
        "questions": {e.id: e.question for e, _ in edited},
    }


def _matched(new: Sequence[KnowledgeEntry], old: Sequence[KnowledgeEntry]) -> dict[str, KnowledgeEntry]:
    """The old entry of each new one, by the new one's id: that of the same id, or else of the same question."""
    by_id = {e.id: e for e in old}
    found = {e.id: by_id[e.id] for e in new if e.id in by_id}
    taken = {was.id for was in found.values()}
    by_question = {e.question.casefold(): e for e in old if e.id not in taken}
    for entry in new:
        if entry.id not in found and (was := by_question.pop(entry.question.casefold(), None)):
            found[entry.id] = was
    return found


def _told(answer: str, was: str, replies: Sequence[str], encode: Encode) -> tuple[float, float]:
    """How many replies agree with, and are near to, the new answer, for each one that was so to the old."""
    if answer == was:
        return 1.0, 1.0
    latest = [*replies[-MOST_REPLIES:], was]
    new, old, *rows = encode([answer, was, *latest])
    now, before = ([_agreement(a, r, float(row @ of)) for r, row in zip(latest, rows, strict=True)]
                   for a, of in ((answer, new), (was, old)))  # fmt: skip
    if any(same for same, _ in [*now[:-1], *before[:-1]]):  # its own old words count only where nobody says either
        now, before = now[:-1], before[:-1]
    return tuple(_ratio([x[i] for x in now], [x[i] for x in before]) for i in (0, 1))  # type: ignore[return-value]


def _agreement(answer: str, reply: str, similarity: float) -> tuple[bool, bool]:
    return facts.agrees(answer, reply, similarity), similarity >= facts.SAME


def _ratio(now: Sequence[bool], before: Sequence[bool]) -> float:
    return sum(now) / sum(before) if any(before) else 1.0
