"""What customers ask and no entry answers: groups of alike past questions, each with a draft of an entry.

Knows a bot and messages; nothing about where they are kept. Texts are as preprocessing left them, without personal
data; a draft is what one colleague wrote to one customer, so a person has to read it before it may answer others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from deskloop import facts, topics
from deskloop.bot import Bot
from deskloop.plan import STRANGE, UNSURE, Plan
from deskloop.records import OUT_OF_SCOPE
from deskloop.scorecard import conversation
from deskloop.sections import Intents

MOST_READ = 4_000  # questions, the latest
LONGEST = 400  # letters of a question in a line

Gap = dict[str, Any]


def find(bot: Bot, messages: pd.DataFrame, minutes: float, seed: int) -> dict[str, Any]:
    """Groups of the real questions that a colleague replied to and the bot cannot answer, the largest first.

    A group is a topic (see `topics.discover`) of question and reply together. Its draft is the ticket in the middle;
    `alike` is the mean cosine of its replies to their centre: low where each case is one of its own, which no entry
    can answer. `minutes` are what a colleague takes for one.
    """
    rows = _unnamed(messages)
    asked = _unanswered(bot, rows)
    encode = bot.index.encoder.encode
    vectors = encode(asked["text"].tolist()) if len(asked) else np.zeros((0, 1), np.float32)
    free = asked.assign(intent=None, split="train")
    found = topics.discover(free, vectors, encode, Intents(), seed) if len(asked) else None
    groups = pd.Series(found.labels if found else [None] * len(asked), index=asked.index, dtype=object)
    gaps = [_gap(str(name), asked.loc[at.index], bot, minutes) for name, at in groups.dropna().groupby(groups)]
    return {
        "read": len(rows),
        "unanswered": len(asked),
        "in_no_group": int(groups.isna().sum()),
        "gaps": sorted(gaps, key=lambda gap: (-gap["questions"], gap["gap"])),
    }


def _unnamed(messages: pd.DataFrame) -> pd.DataFrame:
    """The latest hand-written messages that a colleague replied to without naming or quoting an entry."""
    replied = (messages["reply"].fillna("") != "") & ~messages["synthetic"].astype(bool)
    rows = messages[replied & messages["knowledge_id"].isna() & (messages["intent"] != OUT_OF_SCOPE)]
    return rows.sort_values(["at", "id"], na_position="first").tail(MOST_READ)


def _unanswered(bot: Bot, rows: pd.DataFrame) -> pd.DataFrame:
    """Those that the bot would pass on for want of knowledge."""
    plans = bot.plan_many([conversation(row) for row in rows.to_dict("records")]) if len(rows) else []
    return rows[[_lacks_knowledge(plan) for plan in plans]].reset_index(drop=True)


def _lacks_knowledge(plan: Plan) -> bool:
    return plan.kind == "handoff" and (plan.reason or "").startswith((UNSURE, STRANGE))


def _gap(name: str, rows: pd.DataFrame, bot: Bot, minutes: float) -> Gap:
    asked, said = (_centred(bot.index.encoder.encode(rows[column].tolist())) for column in ("text", "reply"))
    middle = rows.iloc[int((asked + said).argmax())]
    near = bot.index.search(middle["text"], 1)
    return {
        "gap": name,
        "questions": len(rows),
        "hours": round(len(rows) * minutes / 60, 1),
        "alike": round(float(said.mean()), 3),
        "question": " ".join(middle["text"].split())[:LONGEST],
        "draft": middle["reply"],
        "nearest_entry": near[0].question if near else "",
    }


def _centred(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Cosine (n,) of each vector (n, d) to their mean."""
    mean = vectors.mean(axis=0, dtype=np.float64)
    cosine: NDArray[np.float64] = vectors @ mean / max(float(np.linalg.norm(mean)), 1e-9)
    return cosine


def _own(gap: Gap) -> str:
    return "" if gap["alike"] >= facts.SAME else "; replies differ, each case may be one of its own"


def drafts(gaps: Sequence[Mapping[str, Any]]) -> str:
    """JSON Lines of entries that wait for a person: a `files` source of knowledge reads them once `approved`."""
    rows = (
        {
            "id": f"gap-{hashlib.sha256(gap['gap'].encode()).hexdigest()[:12]}",
            "question": gap["question"],
            "answer": gap["draft"],
            "approved": False,
        }
        for gap in gaps
    )
    return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)


def told(found: Mapping[str, Any]) -> str:
    """For a person."""
    lines = [
        f"{found['read']:,} past questions rest on no entry known; {found['unanswered']:,} of them the bot could "
        f"not answer from any, {found['in_no_group']:,} of those are like few others."
    ]
    for gap in found["gaps"]:
        lines += [
            f"\n{gap['questions']:6,}  {gap['gap']}   {gap['hours']:g} hours{_own(gap)}",
            f"        asked:   {gap['question'][:160]}",
            f"        replied: {' '.join(gap['draft'].split())[:160]}",
            f"        nearest: {gap['nearest_entry']}",
        ]
    return "\n".join(lines)
