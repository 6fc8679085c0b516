"""Champion against challenger: the verdict, with every check and its numbers.

A candidate has to reach the business's thresholds and to pass the privacy and safety suites. On the same cases as
the champion no score may be surely worse, nor worse on average by more than the loss that is allowed, no slice
surely worse by more than a margin, neither part of an answer much slower, and one score has to be surely better, or
the knowledge another than the champion's: what the shop says now has to reach its customers. What could not be
compared replaces nobody. Knows nothing about how the scores came about. Why these tests: docs/decisions/gate.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from deskloop.metrics import holm, paired_bootstrap, sign_test
from deskloop.settings import Gate
from deskloop.slices import FEWEST

NAN = float("nan")
SAMPLED = "written"  # answers, for a sample of the cases: a single one may weigh more than the loss that is allowed
COMPARED = ("intent", "retrieval", "truth", "usefulness", SAMPLED)  # the per-case scores that decide
ALPHA = 0.05
# thresholds are set on few questions: of 20 equal trainings the luckiest answers 1.1 points more than another, surely
LUCK = {"usefulness": 0.02}
CHANCE = 0.1  # p from which a loss on average may be chance, where other knowledge waits for customers
UNNOTICED_MS = 50.0  # what takes no longer at the median is fast enough, whatever the champion takes

HOW = ("edited", "added", "removed")  # how entries changed
NAMED = 3  # questions named in a detail

Pair = tuple[Sequence[float], Sequence[float]]
Cases = Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Check:
    """One condition of the gate."""

    name: str
    passed: bool
    got: float
    wanted: str
    detail: str = ""


@dataclass(frozen=True)
class Verdict:
    """Whether the candidate may be promoted, and each check that led there."""

    promote: bool
    checks: tuple[Check, ...]

    @property
    def summary(self) -> str:
        """One line for a log or an audit entry."""
        failed = [c for c in self.checks if not c.passed]
        if not self.checks:
            return (
                "nothing was checked, for no threshold is set and nothing could be measured; "
                "promoted because no champion may stay"
            )
        if not failed:
            changed = [f"; knowledge changed: {c.detail}" for c in self.checks if c.name == CHANGED]
            return f"passed all {len(self.checks)} checks" + "".join(changed)
        reasons = "; ".join(f"{c.name} {_figure(c.got)}, wanted {c.wanted}" for c in failed)
        overruled = UNCOMPARED in failed or any(c.name in (AGAINST, ASTRAY) for c in failed)
        return f"refused: {reasons}" + ("; `deskloop promote` overrules" if overruled else "")

    def as_dict(self) -> dict[str, Any]:
        """JSON form; what could not be measured is null, since JSON (and Postgres) knows no NaN."""
        checks = [asdict(c) | {"got": None if math.isnan(c.got) else c.got} for c in self.checks]
        return {"promote": self.promote, "summary": self.summary, "checks": checks}


CHANGED = "knowledge changed"
AGAINST = "changed answers against replies"
ASTRAY = "changed answers about something else"
UNCOMPARED = Check(
    "comparison with the champion", False, NAN, "a score that both have on the same held-out messages",
    "neither labels nor gold answers are there to compare by; add some, or promote by hand: `deskloop promote`",
)  # fmt: skip


def _figure(value: float) -> str:
    return "not measured" if math.isnan(value) else f"{value:.3f}"


def judge(scorecard: Mapping[str, Any], rival: Mapping[str, Any] | None, gate: Gate) -> Verdict:
    """Decide from two scorecards in JSON form.

    Thresholds and suites always; beside a champion also the scores that both have case by case, slice by slice,
    the latency of both, what changed in the knowledge, and that or one sure gain.
    """
    scores = {name: NAN if v is None else float(v) for name, v in scorecard["scores"].items()}
    checks = thresholds(scores, gate) + suites(scorecard.get("suites", {}))
    if rival is not None:
        revised = rival.get("knowledge", {})
        changed = any(revised.get(how) for how in HOW)
        pairs, slices = _comparable(scorecard, rival)
        checks += [compare(name, *pair, gate.max_loss, changed) for name, pair in sorted(pairs.items())]
        checks += by_slice(pairs, slices, gate.slice_margin)
        checks += latency(rival.get("latency", {}), gate.max_slowdown)
        checks += edits(revised, gate.max_against) if changed else []
        checks.append(UNCOMPARED if not pairs else worth_it(revised) if changed else some_gain(pairs))
    return Verdict(all(c.passed for c in checks), tuple(checks))


def _comparable(scorecard: Mapping[str, Any], rival: Mapping[str, Any]) -> tuple[dict[str, Pair], dict[str, Any]]:
    """Scores that both have on the same cases, and their slices, without the cases that an edit has outdated."""
    ours, theirs, outdated = scorecard["cases"], rival["cases"], rival.get("knowledge", {}).get("outdated", {})
    pairs: dict[str, Pair] = {}
    slices: dict[str, Any] = {}
    for name in COMPARED:
        if not (name in ours and name in theirs and len(ours[name]) == len(theirs[name])):
            continue
        old = outdated.get(name) or [False] * len(ours[name])
        if name == SAMPLED:
            old = [gone or not both for gone, both in zip(old, _both_shown(ours, theirs, len(old)), strict=True)]
        if not all(old):
            pairs[name] = _still(ours[name], old), _still(theirs[name], old)
            found = scorecard.get("slices", {}).get(name, {})
            slices[name] = {by: _still(labels, old) for by, labels in found.items() if len(labels) == len(old)}
    return pairs, slices


def _both_shown(ours: Cases, theirs: Cases, number: int) -> list[bool]:
    """Which of the sampled answers both would show: what one hands over says nothing on how it writes.

    Usefulness counts that over all cases, where a threshold's luck weighs less than among a few.
    """
    told = (cases.get("shown", [1.0] * number) for cases in (ours, theirs))
    return [bool(a and b) for a, b in zip(*told, strict=True)]


def _still(values: Sequence[Any], outdated: Sequence[bool]) -> list[Any]:
    return [value for value, old in zip(values, outdated, strict=True) if not old]


def thresholds(scores: Mapping[str, float], gate: Gate) -> list[Check]:
    """The business's own conditions, in the order of the configuration."""
    least = {
        "intent_accuracy": gate.min_intent_accuracy,
        "intent_macro_f1": gate.min_intent_macro_f1,
        "recall_at_5": gate.min_recall_at_5,
        "answer_correct": gate.min_answer_correct,
    }
    got = {name: scores.get(name, NAN) for name in (*least, "wrong_rate")}
    most = gate.max_wrong_rate
    checks = [Check(name, got[name] >= bound, got[name], f"at least {bound:.3f}") for name, bound in least.items()]
    checks.append(Check("wrong_rate", got["wrong_rate"] <= most, got["wrong_rate"], f"at most {most:.3f}"))
    # what could not be measured (no labels, no gold answers) fails a threshold that was set, and no other
    idle = {name for name, bound in least.items() if bound == 0} | ({"wrong_rate"} if most == 1 else set())
    return [c for c in checks if not (math.isnan(c.got) and c.name in idle)]


def compare(
    name: str, ours: Sequence[float], theirs: Sequence[float], max_loss: float, changed: bool = False
) -> Check:
    """Not worse: the difference may not be surely below zero, nor its mean below the allowed loss.

    A mean below it may be chance where the knowledge `changed`, or one case would keep the old text alive, and of a
    sample. A loss within LUCK is none, where a score has that.
    """
    gain, luck = paired_bootstrap(ours, theirs), LUCK.get(name, 0.0)
    excused = (changed or name == SAMPLED) and sign_test(theirs, ours) > CHANCE
    allowed = max(max_loss, luck)
    passed = not (gain.high < 0 and gain.value < -luck) and (gain.value >= -allowed or excused)
    return Check(f"{name} against champion", passed, gain.value, f"at least {-allowed:.3f}", str(gain))


def by_slice(pairs: Mapping[str, Pair], slices: Mapping[str, Any], margin: float) -> list[Check]:
    """No slice of 15 cases or more surely worse, and by more than the margin; one check a score and dimension.

    Many slices would give false alarms: each is tested one-sided by an exact sign test, all of them together by
    Holm, so that a challenger that is worse nowhere is refused here with at most 5 %.
    """
    rows = [
        (score, by, value, *_within(pair, labels, value))
        for score, pair in pairs.items()
        for by, labels in slices.get(score, {}).items()
        for value in sorted({v for v in labels if v is not None})
        if labels.count(value) >= FEWEST and len(labels) == len(pair[0])
    ]
    adjusted = holm([sign_test(theirs, ours) for *_, ours, theirs in rows])
    table = [
        (score, by, value, _mean(ours) - _mean(theirs), len(ours), p)
        for (score, by, value, ours, theirs), p in zip(rows, adjusted, strict=True)
    ]
    groups = list(dict.fromkeys((score, by) for score, by, *_ in table))
    return [_slice_check(score, by, [r[2:] for r in table if r[:2] == (score, by)], margin) for score, by in groups]


def _slice_check(score: str, by: str, rows: Sequence[tuple[str, float, int, float]], margin: float) -> Check:
    bad = [row for row in rows if row[1] < -margin and row[3] <= ALPHA]
    value, got, cases, p = min(bad or rows, key=lambda row: row[1])
    detail = f"worst of {len(rows)}: {value}, {cases} cases, Holm p {p:.3g}"
    wanted = f"no slice surely worse by more than {margin:.3f}"
    return Check(f"{score} by {by}", not bad, got, wanted, detail)


def _within(pair: Pair, labels: Sequence[str | None], value: str) -> tuple[list[float], list[float]]:
    ours, theirs = ([x for x, label in zip(side, labels, strict=True) if label == value] for side in pair)
    return ours, theirs


def latency(taken: Mapping[str, Any], most: float) -> list[Check]:
    """How many times as long as the champion takes for the same messages, at the median case, in one run.

    A few milliseconds are noise, and nobody waits for them.
    """
    checks = []
    for part, ms in taken.items():
        ratio = median(a / b for a, b in zip(ms["ours"], ms["theirs"], strict=True))
        detail = f"median {median(ms['ours']):.0f} ms against {median(ms['theirs']):.0f} ms, {len(ms['ours'])} cases"
        passed = ratio <= most or median(ms["ours"]) <= UNNOTICED_MS
        checks.append(Check(f"latency of {part}", passed, ratio, f"at most {most:.2f} times", detail))
    return checks


def suites(found: Mapping[str, Any]) -> list[Check]:
    """Privacy and safety: no case may fail."""
    return [
        Check(name, not suite["failed"], float(len(suite["failed"])), "0 failures", _of_suite(suite))
        for name, suite in found.items()
    ]


def _of_suite(suite: Mapping[str, Any]) -> str:
    return f"{suite['cases']} cases" + "".join(f"; {what}" for what in suite["failed"][:3])


def edits(revised: Mapping[str, Any], most: float) -> list[Check]:
    """What tells an edit from a mistake, a broken page or tampering, since each goes against what people replied.

    Few at once: so large a share of the entries, one in any case, may be removed or edited against past replies.
    And no edited answer is about something else.
    """
    lost = [*revised["against"], *revised["removed"]]
    limit = max(1, int(most * revised["entries"]))
    asked = [revised["questions"][i] for i in revised["against"]]
    detail = "; ".join(
        [f"{_counted(revised)}, of {revised['entries']}", *asked[:NAMED], *["..."][: len(asked) > NAMED]]
    )
    astray = [revised["questions"][i] for i in revised["astray"]]
    return [
        Check(AGAINST, len(lost) <= limit, float(len(lost)), f"at most {limit}, removed entries included", detail),
        Check(ASTRAY, not astray, float(len(astray)), "none", "; ".join(astray[:NAMED])),
    ]


def worth_it(revised: Mapping[str, Any]) -> Check:
    """Other knowledge is reason enough for a swap that loses nothing."""
    total = float(sum(len(revised[how]) for how in HOW))
    return Check(CHANGED, True, total, "a change, or a sure gain", _counted(revised))


def _counted(revised: Mapping[str, Any]) -> str:
    return ", ".join(f"{len(revised[how])} {how}" for how in HOW)


def some_gain(pairs: Mapping[str, Pair]) -> Check:
    """Better somewhere: a swap that changes nothing is not worth its risk.

    Surely better is an exact sign test (McNemar's for 0 and 1) over the cases that differ, by Holm over the scores:
    of challengers that are no better at most one in forty passes. Beyond LUCK, where a score has that.
    """
    adjusted = dict(zip(pairs, holm([sign_test(*pair) for pair in pairs.values()]), strict=True))
    gains = {name: _mean(ours) - _mean(theirs) for name, (ours, theirs) in pairs.items()}
    sure = [name for name, p in adjusted.items() if p <= ALPHA / 2 and gains[name] > LUCK.get(name, 0)]
    best = min(adjusted, key=lambda name: adjusted[name])
    told = "; ".join(f"{name} {paired_bootstrap(*pairs[name])}, Holm p {p:.3g}" for name, p in adjusted.items())
    wanted = f"one score surely better, p at most {ALPHA / 2:g}"
    detail = f"{told}; surely better: {', '.join(sure) or 'none'}"
    return Check("better than champion", bool(sure), adjusted[best], wanted, detail)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
