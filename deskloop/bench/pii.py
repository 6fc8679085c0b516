"""How well personal data is found, and how fast. Rows `{"text","spans":[{"type","start","end"}]}`."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from deskloop.errors import BadInput
from deskloop.sources.files import rows
from deskloop.text import gazetteer, tagger
from deskloop.text.pii import Span, find, structured

STRUCTURED = frozenset("CREDIT_CARD EMAIL_ADDRESS IBAN_CODE IP_ADDRESS PHONE_NUMBER US_SSN DOMAIN_NAME URL".split())
_REPEATS = 3


def run(cases: Path, ner: bool | None = None) -> dict[str, Any]:
    """Scores by overlap of spans, of any type and of the structured ones; the speed is a median of three runs.

    With `ner` (by default where the extra is installed) the tagger is asked for all it knows;
    `rows_per_second` is that of all patterns, without the tagger; that of the structured kinds stands beside
    Presidio's where it is installed.
    """
    table = rows(cases)
    texts = [str(row.get("text", "")) for row in table]
    gold = [_spans(cases, number, row) for number, row in enumerate(table, 1)]
    found, per_second = _timed(texts)
    with_ner = gazetteer.available() if ner is None else ner
    if with_ner:
        found = [find(text, (), frozenset(tagger.TAGS)) for text in texts]
    recall, precision = _scores(gold, found, lambda span: True)
    structured_recall, structured_precision = _scores(gold, found, lambda span: span.type in STRUCTURED)
    f2 = 5 * precision * recall / ((4 * precision + recall) or 1)
    scores = {
        "recall": recall, "precision": precision, "f2": f2,
        "structured_recall": structured_recall, "structured_precision": structured_precision,
    }  # fmt: skip
    return {
        **{k: round(v, 4) for k, v in scores.items()},
        "rows_per_second": round(per_second),
        **_beside(texts),
        "ner": with_ner,
        "by_type": _by_type(gold, found),
        "cases": len(table),
    }


def _presidio(texts: list[str]) -> float | str:
    """Rows per second of Presidio Analyzer on the structured kinds; why not, where it cannot run.

    Its pattern recognisers alone, on spaCy's empty English pipeline: no model is loaded, which makes it faster.
    """
    try:
        import spacy
        from presidio_analyzer import AnalyzerEngine
        from presidio_analyzer.nlp_engine import SpacyNlpEngine
    except ImportError:
        return "not installed: pip install presidio-analyzer"
    engine = SpacyNlpEngine()
    engine.nlp = {"en": spacy.blank("en")}
    analyzer = AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])
    asked = sorted((STRUCTURED - {"DOMAIN_NAME"}) & set(analyzer.get_supported_entities("en")))
    seconds = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        for text in texts:
            analyzer.analyze(text, language="en", entities=asked)
        seconds.append(time.perf_counter() - start)
    return len(texts) / median(seconds)


def _spans(cases: Path, number: int, row: dict[str, Any]) -> list[Span]:
    try:
        return [Span(str(s["type"]), int(s["start"]), int(s["end"])) for s in row["spans"]]
    except (KeyError, TypeError, ValueError):
        raise BadInput(f"{cases} row {number} needs `text` and `spans` with type, start and end") from None


def _beside(texts: list[str]) -> dict[str, Any]:
    peer = _presidio(texts)
    _, own = _timed(texts, structured)
    told = {"structured_rows_per_second": round(own)}
    if isinstance(peer, str):
        return {**told, "presidio": peer}
    return {**told, "presidio_rows_per_second": round(peer), "times_presidio": round(own / peer, 1)}


def _timed(texts: list[str], search: Callable[[str], list[Span]] = find) -> tuple[list[list[Span]], float]:
    seconds = []
    found: list[list[Span]] = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        found = [search(text) for text in texts]
        seconds.append(time.perf_counter() - start)
    return found, len(texts) / max(median(seconds), 1e-9)


def _scores(gold: list[list[Span]], found: list[list[Span]], counts: Callable[[Span], bool]) -> tuple[float, float]:
    """(recall, precision) over the spans that count; a span is right if it overlaps one of the other side."""
    pairs = [([g for g in a if counts(g)], [f for f in b if counts(f)]) for a, b in zip(gold, found, strict=True)]
    recalled = [_touches(g, b) for a, b in pairs for g in a]
    right = [_touches(f, a) for a, b in pairs for f in b]
    return sum(recalled) / (len(recalled) or 1), sum(right) / (len(right) or 1)


def _touches(span: Span, others: list[Span]) -> bool:
    return any(span.start < o.end and o.start < span.end for o in others)


def _by_type(gold: list[list[Span]], found: list[list[Span]]) -> dict[str, dict[str, float]]:
    hits: defaultdict[str, list[bool]] = defaultdict(list)
    for ours, theirs in zip(gold, found, strict=True):
        for span in ours:
            hits[span.type].append(_touches(span, theirs))
    return {kind: {"recall": round(sum(h) / len(h), 4), "spans": len(h)} for kind, h in sorted(hits.items())}
