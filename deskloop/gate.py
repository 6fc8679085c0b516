"""Champion against challenger: the verdict, with every check and its numbers.

A candidate has to reach the business's thresholds. On the same cases as the champion no score may be surely
worse, nor worse on average by more than the loss that is allowed, and one has to be surely better. What could
not be compared replaces nobody. Knows nothing about how the scores came about.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from deskloop.metrics import paired_bootstrap
from deskloop.settings import Gate

NAN = float("nan")
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
        if not self.checks:
            return (
                "nothing was checked, for no threshold is set and nothing could be measured; "
                "promoted because no champion may stay"
            )
        if not failed:
            return f"passed all {len(self.checks)} checks"
        reasons = "; ".join(f"{c.name} {_figure(c.got)}, wanted {c.wanted}" for c in failed)
        return f"refused: {reasons}" + ("; `deskloop promote` overrules" if UNCOMPARED in failed else "")

    def as_dict(self) -> dict[str, Any]:
        """JSON form; what could not be measured is null, since JSON (and Postgres) knows no NaN."""
        checks = [asdict(c) | {"got": None if math.isnan(c.got) else c.got} for c in self.checks]
        return {"promote": self.promote, "summary": self.summary, "checks": checks}


UNCOMPARED = Check(
    "comparison with the champion", False, NAN, "a score that both have on the same held-out messages",
    "neither labels nor gold answers are there to compare by; add some, or promote by hand: `deskloop promote`",
)  # fmt: skip


def _figure(value: float) -> str:
    return "not measured" if math.isnan(value) else f"{value:.3f}"


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
        checks.append(some_gain(cases, champion) if champion else UNCOMPARED)
    return Verdict(all(c.passed for c in checks), tuple(checks))


def judge(scorecard: Mapping[str, Any], rival: Mapping[str, Any] | None, gate: Gate) -> Verdict:
    """Decide from two scorecards in JSON form; scores that both have case by case are compared in pairs."""
    scores = {name: NAN if v is None else float(v) for name, v in scorecard["scores"].items()}
    if rival is None:
        return decide(scores, gate, scorecard["cases"], None)
    ours, theirs = scorecard["cases"], rival["cases"]
    shared = [n for n in COMPARED if n in ours and n in theirs and len(ours[n]) == len(theirs[n]) > 0]
    return decide(scores, gate, ours, {name: theirs[name] for name in shared})


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
