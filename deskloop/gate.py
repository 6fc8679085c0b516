"""Champion against challenger: the verdict, with every check and its numbers.

A candidate has to reach the business's thresholds, and must not be worse than the champion on the same
cases: the paired bootstrap interval of each score may not lie below the loss that is allowed. Knows
nothing about how the scores came about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from deskloop.metrics import paired_bootstrap
from deskloop.settings import Gate

COMPARED = ("intent", "retrieval", "usefulness")  # the per-case scores that decide


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
        if not failed:
            return f"passed all {len(self.checks)} checks"
        return "refused: " + "; ".join(f"{c.name} {c.got:.3f}, wanted {c.wanted}" for c in failed)

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {"promote": self.promote, "summary": self.summary, "checks": [asdict(c) for c in self.checks]}


def decide(
    scores: Mapping[str, float],
    gate: Gate,
    cases: Mapping[str, Sequence[float]],
    champion: Mapping[str, Sequence[float]] | None,
) -> Verdict:
    """Thresholds alone where there is no champion yet; else also one paired check a score.

    `scores` are the candidate's headline figures; `cases` and `champion` give per-case scores, higher is
    better, the same cases in the same order.
    """
    checks = thresholds(scores, gate)
    if champion is not None:
        checks += [compare(name, cases[name], champion[name], gate.max_loss) for name in sorted(champion)]
        checks.append(some_gain(cases, champion))
    return Verdict(all(c.passed for c in checks), tuple(checks))


def judge(scorecard: Mapping[str, Any], rival: Mapping[str, Any] | None, gate: Gate) -> Verdict:
    """Decide from two scorecards in JSON form; scores that both have case by case are compared in pairs."""
    scores = {name: float("nan") if v is None else float(v) for name, v in scorecard["scores"].items()}
    if rival is None:
        return decide(scores, gate, scorecard["cases"], None)
    ours, theirs = scorecard["cases"], rival["cases"]
    shared = [n for n in COMPARED if n in ours and n in theirs and len(ours[n]) == len(theirs[n])]
    return decide(scores, gate, ours, {name: theirs[name] for name in shared})


def thresholds(scores: Mapping[str, float], gate: Gate) -> list[Check]:
    """The business's own conditions, in the order of the configuration."""
    least = {
        "intent_accuracy": gate.min_intent_accuracy,
        "intent_macro_f1": gate.min_intent_macro_f1,
        "recall_at_5": gate.min_recall_at_5,
        "answer_correct": gate.min_answer_correct,
    }
    # a score that could not be measured (no labels, no gold answers) is not held against a threshold of 0
    checks = [
        Check(name, scores[name] >= bound, scores[name], f"at least {bound:.3f}")
        for name, bound in least.items()
        if bound > 0 or scores.get(name) == scores.get(name, 0.0)
    ]
    most = gate.max_wrong_rate
    if scores["wrong_rate"] == scores["wrong_rate"]:
        got = scores["wrong_rate"]
        checks.append(Check("wrong_rate", got <= most, got, f"at most {most:.3f}"))
    return checks


def compare(name: str, ours: Sequence[float], theirs: Sequence[float], max_loss: float) -> Check:
    """Not worse: the difference may not be surely below zero, nor its mean below the allowed loss."""
    gain = paired_bootstrap(ours, theirs)
    passed = not gain.high < 0 and gain.value >= -max_loss
    return Check(f"{name} against champion", passed, gain.value, f"at least {-max_loss:.3f}", str(gain))


def some_gain(cases: Mapping[str, Sequence[float]], champion: Mapping[str, Sequence[float]]) -> Check:
    """Better somewhere: a swap that changes nothing is not worth its risk."""
    gains = {name: paired_bootstrap(cases[name], champion[name]) for name in champion}
    sure = {name: gain for name, gain in gains.items() if gain.low > 0}
    best = max(gains, key=lambda name: gains[name].low, default="")
    detail = f"surely better: {', '.join(sorted(sure)) or 'none'}"
    got = gains[best].low if best else 0.0
    return Check("better than champion", bool(sure), got, "one score surely above 0", detail)
