"""Why the bot says what it says to one question: what it understood, what it found, and how sure that makes it.

Works on a bot alone; knows nothing about where bots are kept or how they were trained.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from deskloop.bot import Bot
from deskloop.confidence import SIGNALS
from deskloop.errors import BadInput
from deskloop.text import language as languages

Row = dict[str, Any]
QUOTED = 60  # letters of an entry in a line
TOLD = {"id", "source", "language", "question", "answer", "url"}


def explain(bot: Bot, question: str, most: int = 5, source: str | None = None, language: str | None = None) -> Row:
    """Decision, answer, signals and the `most` best entries, of a `source` or `language` alone if one is named.

    The decision is of the whole knowledge all the same. Raises BadInput where nothing is asked, and where no entry
    is of that source or language.
    """
    if not question.strip():
        raise BadInput("nothing is asked; write a question, in quotes")
    entries = {entry.id: entry for entry in bot.index.entries}
    _known("source", source, (entry.source for entry in entries.values()))
    _known("language", language, (entry.language for entry in entries.values()))
    asked = [{"role": "user", "content": question}]
    reading = bot.read_many([asked])[0]
    answer, sure = bot.answer(asked), bot.sureness([reading])[0]
    spoken = languages.detect(reading.question)
    narrow = bool(source or language)
    hits = (
        bot.index.search(reading.question, most, language=language or spoken, source=source)
        if narrow
        else reading.hits[:most]
    )
    return {
        "question": question,
        "language": spoken,
        "intent": reading.prediction.intent or None,
        "intent_confidence": reading.prediction.confidence,
        "in_scope": reading.prediction.scope,
        "kind": answer.kind,
        "reason": answer.reason,
        "answer": answer.text,
        "offered": [entry.question for entry in answer.suggestions],
        "sure": sure,
        "sure_from": bot.confidence.threshold,
        "signals": dict(zip(SIGNALS, map(float, reading.signals), strict=True)),
        "weights": dict(zip(SIGNALS, bot.confidence.weights, strict=True)),
        "entries": [
            {"score": hit.score, **entries[hit.id].model_dump(mode="json", include=TOLD)} for hit in hits
        ],
    }  # fmt: skip


def _known(what: str, wanted: str | None, there: Iterable[str]) -> None:
    counts = Counter(there)
    if wanted is not None and wanted not in counts:
        known = ", ".join(f"{name} ({n})" for name, n in counts.most_common())
        raise BadInput(f"no entry is of {what} {wanted!r}; the knowledge has {known}")


def told(found: Row) -> str:
    """For a person."""
    from deskloop.cards import markdown
    from deskloop.console import table

    said = {
        "language": found["language"],
        "intent": f"{found['intent'] or 'none known'} ({found['intent_confidence']:.2f})",
        "in scope": f"{found['in_scope']:.2f}",
        "sure": f"{found['sure']:.2f}; an entry is shown by itself from {found['sure_from']:.2f} on",
        "decision": ": ".join(filter(None, (found["kind"], found["reason"]))),
        "answer": found["answer"],
    }
    said |= {"offered": " | ".join(found["offered"])} if found["offered"] else {}
    signals = [{"signal": n, "value": v, "weight": found["weights"][n]} for n, v in found["signals"].items()]
    entries = [
        {n: row[n] for n in ("score", "source", "language")} | {n: _short(row[n]) for n in ("question", "answer")}
        for row in found["entries"]
    ]
    return f"{table(said)}\n\n{markdown(entries)}\n{markdown(signals)}"


def _short(text: str) -> str:
    return text if len(text) <= QUOTED else f"{text[:QUOTED].rstrip()}..."
