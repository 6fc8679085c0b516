"""The model card that travels in a bundle: what it is, how good it is, on what that was measured."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deskloop import ablation, figures
from deskloop.gate import Verdict
from deskloop.settings import Settings

_GAINS = ("score", "baseline", "ours", "theirs", "difference", "excludes zero", "cases")


def model_card(scorecard: Mapping[str, Any], verdict: Verdict, settings: Settings, candidate: Path) -> str:
    """Markdown of a bundle's README.md."""
    origin = json.loads((candidate / "generator" / "origin.json").read_bytes())
    training = json.loads((candidate / "training.json").read_bytes())
    scores = scorecard["scores"]
    headline = figures.rows(scores, scorecard["tables"].get("intervals", []))
    peers = figures.beside(scores, scorecard["baselines"])
    skipped = "".join(f"\n- {part}: skipped, {why}" for part, why in scorecard["skipped"].items())
    return (
        f"# Support bot of {settings.shop.name}\n\n"
        f"Generator: {origin.get('name', settings.model.base)} ({origin.get('license', 'licence unknown')}), "
        f"fine-tuned with LoRA on {training['examples']} examples, {training['supervised_tokens']} supervised "
        f"tokens, {training['precision']}, effort `{settings.effort}`, {_start(training)}.\n"
        f"Base model's sha256: `{origin.get('sha256', 'unknown')}`.\n\n"
        f"## Verdict\n\n{verdict.summary}\n\n"
        f"## Answer policy\n\n{_policy(candidate)}\n\n"
        f"## Scorecard (held-out messages, none of them synthetic)\n\n{markdown(headline)}{skipped}\n\n"
        f"## Baselines on the same messages\n\n{markdown(peers)}\n"
        f"## Ours less theirs, paired bootstrap\n\n{markdown(scorecard['gains'], _GAINS)}\n"
        f"{_ablation(candidate, scorecard.get('search', []))}"
        f"## Data\n\nSee `data-card.html` beside this page.\n\n"
        "## Limits\n\nAnswers rest on the team's own entries; what no entry says is handed to a person. Figures, "
        "dates, links and names that do not stand in a source are never shown.\n"
    )


def _ablation(candidate: Path, search: Sequence[Mapping[str, Any]]) -> str:
    rows = [*ablation.load(candidate / "intents"), *search]
    return f"## What each part adds, paired bootstrap\n\n{markdown(rows, ablation.COLUMNS)}\n" if rows else ""


def _policy(candidate: Path) -> str:
    thresholds = json.loads((candidate / "thresholds.json").read_bytes())
    sure = thresholds["confidence"]
    if sure["coverage"] is None:
        kept = "too few questions with a known answer were held out to keep to a share of wrong answers"
    else:
        wrong = sure["wrong_rate"] + (sure.get("pair") or {"wrong_rate": 0.0})["wrong_rate"]
        kept = f"of the questions it is calibrated on, {wrong:.1%} are answered wrongly"
    return (
        f"`{thresholds['policy']}`: {thresholds.get('why', {}).get('reason', 'as configured')}. "
        f"An answer is shown from a confidence of {sure['threshold']:.2f} on; {kept}."
    )


def _start(training: Mapping[str, Any]) -> str:
    start = "the adapters of the champion before it" if training["warm"] else "the base model"
    checks = "; ".join(f"{loss:.3f} after {step} steps" for step, loss in training["checks"])
    ran = f"{len(training['steps'])} of {training['planned']} planned steps"
    return f"started from {start}, {ran}, validation loss {checks or 'not taken'}"


def markdown(rows: Sequence[Mapping[Any, Any]], columns: Sequence[str] | None = None) -> str:
    """Rows as an aligned Markdown table, with every column that any row has; a dash if there are none."""
    if not rows:
        return "–\n"
    names = list(columns or dict.fromkeys(name for row in rows for name in row))
    cells = [[_cell(row.get(name)) for name in names] for row in rows]
    widths = [max(len(n), *(len(row[i]) for row in cells)) for i, n in enumerate(names)]
    lines = [names, ["-" * w for w in widths], *cells]
    padded = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines]
    return "".join(f"| {' | '.join(line)} |\n" for line in padded)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "–" if value != value else f"{value:.3f}"
    return str("–" if value is None else value).replace("|", "\\|").replace("\n", " ")[:300]
