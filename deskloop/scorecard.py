"""How good a candidate is on held-out messages, next to honest peers.

Takes a bot and a frame of test messages; gives headline figures, per-case scores for the gate's paired
tests, and the tables that people read. Knows nothing about training or storage.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from deskloop import backtest, behaviour, facts, intervals, metrics, slices, topics, writing
from deskloop.bot import Bot
from deskloop.plan import Plan, Reading
from deskloop.records import OUT_OF_SCOPE, KnowledgeEntry
from deskloop.settings import Effort

TOPICS = "topics, not labels; agreement with labels unknown"
ANSWER_CASES: dict[Effort, int] = {"quick": 60, "standard": 250, "thorough": 1000}
TIMED = 60  # messages whose decision is timed
_WORTH = {"right": 1.0, "wrong": -1.0}
_SPEEDS = (("decision", 50), ("decision", 95), ("answer", 50))
NAN = float("nan")


@dataclass
class Scorecard:
    """Figures of one model on one test set. All shares are between 0 and 1; chrF between 0 and 100."""

    scores: dict[str, float]
    cases: dict[str, list[float]]
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    spent: dict[str, list[float]] = field(default_factory=dict)  # ms of each timed decision and answer; not kept

    def as_dict(self) -> dict[str, Any]:
        """JSON form; NaN becomes None."""
        return {
            "scores": {name: None if v != v else v for name, v in self.scores.items()},
            "cases": self.cases,
            "tables": self.tables,
            "skipped": self.skipped,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Scorecard:
        """Back from JSON."""
        scores = {name: NAN if v is None else v for name, v in values["scores"].items()}
        return cls(scores, values["cases"], values["tables"], values["skipped"])


def test_cases(messages: pd.DataFrame) -> pd.DataFrame:
    """The test split, in a fixed order."""
    return messages[messages["split"] == "test"].sort_values("id").reset_index(drop=True)


def answer_cases(test: pd.DataFrame, effort: Effort, seed: int = 11) -> pd.DataFrame:
    """The test messages for which answers are written: those a human answered, a fixed sample of them."""
    answered = test[test["reply"].str.len() > 0]
    return answered.sample(min(len(answered), ANSWER_CASES[effort]), random_state=seed).sort_values("id")


def evaluate(bot: Bot, test: pd.DataFrame, knowledge: Sequence[KnowledgeEntry], effort: Effort) -> Scorecard:
    """All figures of one bot. What the data cannot tell is NaN, with the reason in `skipped`."""
    readings = bot.read_many([conversation(row) for row in test.to_dict("records")]) if len(test) else []
    plans = bot.plans(readings)
    card = Scorecard({}, {})
    _understanding(card, test, plans)
    _certainty(card, test, readings)
    _search(card, bot, test)
    _answers(card, bot, test, plans, {k.id: k for k in knowledge}, effort)
    _tickets(card, bot, test, plans, readings)
    _speed(card, bot, test, effort)
    card.tables["behaviour"] = behaviour.records(bot, test["text"].tolist())
    card.tables["intervals"] = _intervals(card, test, plans, readings)
    return card


def conversation(row: Mapping[Any, Any]) -> list[dict[str, str]]:
    """A message row as the conversation that the bot is shown."""
    before = [{"role": "user", "content": row["previous"]}] if row.get("previous") else []
    return [*before, {"role": "user", "content": row["text"]}]


def _understanding(card: Scorecard, test: pd.DataFrame, plans: Sequence[Plan]) -> None:
    names = ("intent_accuracy", "intent_macro_precision", "intent_macro_recall", "intent_macro_f1")
    found = topics.discovered(test).to_numpy()
    labelled = test["intent"].notna().to_numpy() & ~found if len(test) else np.array([], dtype=bool)
    if found.any() and any(p.intent for p in plans):
        _topics(card, test, plans, found)
    if not labelled.any() or all(p.intent is None for p in plans):
        card.scores |= dict.fromkeys(names, NAN)
        card.skipped["intents"] = TOPICS if found.any() else "no labels"
        return
    truth = test.loc[labelled, "intent"].tolist()
    said = [str(p.intent) for p, known in zip(plans, labelled, strict=True) if known]
    scope = np.array([p.scope for p, known in zip(plans, labelled, strict=True) if known])
    inside = [t != OUT_OF_SCOPE for t in truth]
    scores = metrics.classification(
        [t for t, keep in zip(truth, inside, strict=True) if keep],
        [s for s, keep in zip(said, inside, strict=True) if keep],
    )
    card.scores |= {name: scores[name.removeprefix("intent_")] for name in names}
    card.scores["oos_auroc"] = _auroc(inside, scope)
    card.cases["intent"] = [float(t == s) for t, s in zip(truth, said, strict=True)]
    card.cases["intent_in_scope"] = [r for r, keep in zip(card.cases["intent"], inside, strict=True) if keep]
    card.tables["per_intent"] = metrics.per_class(truth, said)
    card.tables["confusions"] = _confusions(truth, said)
    pairs = Counter(zip(truth, said, strict=True))
    card.tables["intent_pairs"] = [{"intent": t, "said": s, "times": n} for (t, s), n in sorted(pairs.items())]


def _certainty(card: Scorecard, test: pd.DataFrame, readings: Sequence[Reading]) -> None:
    """How far the classifier's own certainty is from how often it is right, in scope."""
    if "intent" in card.cases:
        sure, right = _sure_and_right(test, readings)
        card.scores["intent_ece"] = metrics.expected_calibration_error(sure, right) if sure else NAN


def _sure_and_right(test: pd.DataFrame, readings: Sequence[Reading]) -> tuple[list[float], list[bool]]:
    rows = zip(test["intent"], topics.discovered(test), [r.prediction for r in readings], strict=True)
    known = [(t, p) for t, topic, p in rows if isinstance(t, str) and t != OUT_OF_SCOPE and not topic]
    return [p.confidence for _, p in known], [p.intent == t for t, p in known]


def _topics(card: Scorecard, test: pd.DataFrame, plans: Sequence[Plan], found: Any) -> None:
    """How well the classifier tells the topics it learnt: no case for the gate, for nobody said they are right."""
    truth = test.loc[found, "intent"].tolist()
    said = [str(p.intent) for p, topic in zip(plans, found, strict=True) if topic]
    scores = metrics.classification(truth, said)
    card.scores |= {"topic_agreement": scores["accuracy"], "topic_macro_f1": scores["macro_f1"]}
    card.tables["per_topic"] = metrics.per_class(truth, said)


def _tickets(
    card: Scorecard, bot: Bot, test: pd.DataFrame, plans: Sequence[Plan], readings: Sequence[Reading]
) -> None:
    """What would have become of each held-out message, in slices."""
    messages = backtest.tickets(test, plans, readings, bot)
    card.tables["slices"] = slices.table(messages)
    rows = [row for row in messages if row["outcome"] != slices.UNJUDGED]
    card.tables["tickets"] = backtest.shortened(rows)
    card.scores["answer_ece"] = NAN
    if rows:
        right = [float(row["findable"]) for row in rows]
        card.scores["answer_ece"] = metrics.expected_calibration_error([row["sure"] for row in rows], right)
        # a right answer helps once, a wrong one costs as much, a hand-over costs nothing
        card.cases["usefulness"] = [_WORTH.get(row["outcome"], 0.0) for row in rows]
    elif messages:
        card.skipped["past tickets"] = "no held-out message has a reply or names the entry that answers it"
    if messages and all(row["newcomer"] is None for row in messages):
        card.skipped["slice of new customers"] = "no message names its customer and its time"


def _speed(card: Scorecard, bot: Bot, test: pd.DataFrame, effort: Effort) -> None:
    """How fast the bot decides, and how fast it has written a whole answer."""
    asked = [[{"role": "user", "content": text}] for text in test["text"].tolist()[:TIMED]]
    card.spent = {"decision": _spent(bot, test), "answer": writing.spent(bot, asked, effort) if asked else []}
    for name, share in _SPEEDS:
        taken = card.spent[name]
        card.scores[f"{name}_p{share}_ms"] = float(np.percentile(taken, share)) if taken else NAN


def _spent(bot: Bot, test: pd.DataFrame) -> list[float]:
    """Milliseconds to a decision on one message alone, worded so that no vector of it is remembered."""
    spent = []
    for text in test["text"].tolist()[:TIMED]:
        began = time.perf_counter()
        bot.plan([{"role": "user", "content": f"{text} please"}])
        spent.append((time.perf_counter() - began) * 1000)
    return spent


def _intervals(
    card: Scorecard, test: pd.DataFrame, plans: Sequence[Plan], readings: Sequence[Reading]
) -> list[dict[str, Any]]:
    """Every figure, with its 95 % bootstrap interval over the cases it is of."""
    means = intervals.means(card.cases, card.tables)
    found = {name: (metrics.bootstrap(values), len(values)) for name, values in means.items() if len(values)}
    tickets = card.tables.get("tickets", [])
    ece = intervals.calibration([r["sure"] for r in tickets], [bool(r["findable"]) for r in tickets])
    found["answer_ece"] = ece, len(tickets)
    for name, share in _SPEEDS:
        found[f"{name}_p{share}_ms"] = intervals.quantile(card.spent[name], share), len(card.spent[name])
    nats, tokens = (card.cases.get(f"reply_{name}", []) for name in ("nats", "tokens"))
    found["perplexity"] = intervals.perplexity(nats, tokens), len(nats)
    if "intent" in card.cases:
        sure, right_intent = _sure_and_right(test, readings)
        found["intent_ece"] = intervals.calibration(sure, right_intent), len(sure)
        topical = topics.discovered(test)
        rows = zip(test["intent"], plans, topical, strict=True)
        known = [(t, str(p.intent), p.scope) for t, p, topic in rows if isinstance(t, str) and not topic]
        found |= intervals.of_intents(known, OUT_OF_SCOPE)
    return intervals.table(card.scores, found)


def _auroc(inside: list[bool], scope: Any) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(inside, scope)) if len(set(inside)) == 2 else NAN


def _confusions(truth: list[str], said: list[str]) -> list[dict[str, Any]]:
    pairs = Counter((t, s) for t, s in zip(truth, said, strict=True) if t != s)
    return [{"intent": t, "taken_for": s, "times": n} for (t, s), n in pairs.most_common(15)]


def _search(card: Scorecard, bot: Bot, test: pd.DataFrame) -> None:
    gold = test[test["knowledge_id"].notna()]
    hits = bot.index.search_many(gold["text"].tolist(), 10) if len(gold) else []
    ranks = [rank(k, [h.id for h in found]) for k, found in zip(gold["knowledge_id"], hits, strict=True)]
    card.scores |= metrics.retrieval(ranks)
    if ranks:
        card.cases["retrieval"] = [0.0 if r is None else 1 / r for r in ranks]
    else:
        card.skipped["retrieval"] = "no message names the entry that answers it"


def rank(gold: str, found: Sequence[str]) -> int | None:
    """1 for the first, None if it is not among them."""
    return found.index(gold) + 1 if gold in found else None


def _answers(
    card: Scorecard,
    bot: Bot,
    test: pd.DataFrame,
    plans: Sequence[Plan],
    gold: dict[str, KnowledgeEntry],
    effort: Effort,
) -> None:
    cases = answer_cases(test, effort)
    if not len(cases) or bot.engine is None:
        card.scores |= dict.fromkeys(("chrf", "similarity", "answer_correct", "coverage", "wrong_rate"), NAN)
        card.skipped["answers"] = "no message has a human's reply"
        return
    talks = [conversation(row) for row in cases.to_dict("records")]
    texts = writing.write_answers(bot.engine, bot, talks)
    entries = [gold.get(str(k)) for k in cases["knowledge_id"]]
    written = writing.text_scores(bot, texts, cases["reply"].tolist(), entries)
    card.cases |= {f"generated_{name}": values for name, values in written.items()}
    card.scores |= {
        "chrf": float(np.mean(written["chrf"])),
        "similarity": float(np.mean(written["similarity"])),
    }
    told = writing.losses(bot.engine, bot, talks, cases["reply"].tolist())
    card.cases |= {"reply_nats": [nats for nats, _ in told], "reply_tokens": [float(n) for _, n in told]}
    card.scores["perplexity"] = writing.perplexity(told)
    card.scores["generated_correct"] = float(np.mean(written["correct"])) if written["correct"] else NAN
    chosen = [plans[i] for i in cases.index]
    rows = [
        _shown(bot, plan, text, row, gold)
        for plan, text, row in zip(chosen, texts, cases.to_dict("records"), strict=True)
    ]
    _texts(card, rows)


def _shown(
    bot: Bot, plan: Plan, text: str, row: Mapping[Any, Any], gold: dict[str, KnowledgeEntry]
) -> dict[str, Any]:
    """What the customer would have seen, and whether that was right."""
    answer = bot.finish(plan, text)
    entry = gold.get(str(row["knowledge_id"]))
    shown = answer.kind in ("generate", "retrieve")
    cited = entry is not None and entry.id in [s.id for s in answer.sources]
    said = [source.answer for source in answer.sources] if plan.both else [answer.text]
    right = entry is not None and any(facts.correct(text, entry.answer, row["reply"]) for text in said)
    told = [f"{s.question} {s.answer}" for s in answer.sources]
    grounded = facts.supported(answer.text, told, row["text"]).ok
    return {
        "id": row["id"], "question": row["text"], "answer": answer.text, "human": row["reply"],
        "kind": answer.kind, "reason": answer.reason or "", "intent": answer.intent or "",
        "confidence": round(answer.confidence, 3), "answerable": entry is not None, "shown": shown,
        "correct": bool(shown and right), "wrong": bool(shown and not (cited and grounded)), "grounded": grounded,
    }  # fmt: skip


def _texts(card: Scorecard, rows: list[dict[str, Any]]) -> None:
    if not any(row["answerable"] for row in rows):
        card.scores |= dict.fromkeys(("answer_correct", "wrong_rate"), NAN)
        card.skipped["answer correctness"] = "no held-out question names the entry that answers it"
    else:
        shown = [row for row in rows if row["shown"]]
        card.scores["answer_correct"] = float(np.mean([r["correct"] for r in shown])) if shown else NAN
        card.scores["wrong_rate"] = float(np.mean([r["wrong"] for r in rows]))
        card.cases["written"] = [float(r["correct"]) - float(r["wrong"]) for r in rows]
        card.cases["shown"] = [float(r["shown"]) for r in rows]
    answerable = [row for row in rows if row["answerable"]] or rows
    card.scores["coverage"] = float(np.mean([r["shown"] for r in answerable]))
    card.scores["grounded"] = float(np.mean([r["grounded"] for r in rows if r["shown"]] or [NAN]))
    card.tables["answers"] = rows
