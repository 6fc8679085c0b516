"""The model card that travels in a bundle: what it is, how good it is, on what that was measured."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deskloop import ablation
from deskloop.gate import Verdict
from deskloop.settings import Settings

HEADLINE = (
    ("intent_accuracy", "intent accuracy"),
    ("intent_macro_precision", "intent macro precision"),
    ("intent_macro_recall", "intent macro recall"),
    ("intent_macro_f1", "intent macro F1"),
    ("topic_agreement", "discovered topics told by the classifier (no labels: agreement with labels unknown)"),
    ("topic_macro_f1", "the same, macro F1"),
    ("oos_auroc", "out-of-scope AUROC"),
    ("recall_at_1", "retrieval recall@1"),
    ("recall_at_5", "retrieval recall@5"),
    ("mrr", "retrieval MRR"),
    ("perplexity", "perplexity of replies"),
    ("chrf", "chrF of generated answers"),
    ("similarity", "similarity of generated answers"),
    ("generated_correct", "generated answers with the gold facts"),
    ("coverage", "answerable questions answered"),
    ("answer_correct", "shown answers with the gold facts"),
    ("wrong_rate", "wrong answers shown, of all questions"),
    ("grounded", "shown answers that are grounded"),
)


def model_card(scorecard: Mapping[str, Any], verdict: Verdict, settings: Settings, candidate: Path) -> str:
    """Markdown of a bundle's README.md."""
    origin = json.loads((candidate / "generator" / "origin.json").read_bytes())
    training = json.loads((candidate / "training.json").read_bytes())
    scores = scorecard["scores"]
    headline = [{"score": title, "held-out": scores[name]} for name, title in HEADLINE if name in scores]
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
        f"## Baselines on the same messages\n\n{markdown(scorecard['baselines'])}\n"
        f"{_ablation(candidate)}"
        f"## Fine-tuned less untuned, paired bootstrap\n\n{markdown(scorecard['gains'])}\n"
        f"## Data\n\nSee `data-card.html` beside this page.\n\n"
        "## Limits\n\nAnswers rest on the team's own entries; what no entry says is handed to a person. Figures, "
        "dates, links and names that do not stand in a source are never shown.\n"
    )


def _ablation(candidate: Path) -> str:
    rows = ablation.load(candidate / "intents")
    return f"## What each feature adds to the intent classifier\n\n{markdown(rows)}\n" if rows else ""


def _policy(candidate: Path) -> str:
    thresholds = json.loads((candidate / "thresholds.json").read_bytes())
    sure = thresholds["confidence"]
    return (
        f"`{thresholds['policy']}`: {thresholds.get('why', {}).get('reason', 'as configured')}. "
        f"An answer is shown from a confidence of {sure['threshold']:.2f} on."
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
