"""What each stage shows in the dashboard: artifacts that a person wants to read."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from prefect.artifacts import create_image_artifact, create_link_artifact, create_markdown_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactUpdate

from deskloop import backtest, figures, scorepage
from deskloop.cards import markdown as table
from deskloop.drift import Drift
from deskloop.gate import Verdict
from deskloop.generator.checkpoint import Curve
from deskloop.generator.finetune import TrainReport
from deskloop.records import Outcome
from deskloop.releases import Release
from deskloop.scorecard import Scorecard
from deskloop.settings import Settings
from deskloop.sources.batch import Tally
from deskloop.topics import Topics


def batch(name: str, read: Tally) -> None:
    """How many rows a source gave, and why some were set aside."""
    told = f"Read **{read.read}** rows: {read.conversations} conversations, {read.knowledge} entries, "
    reasons = [{"reason": reason, "rows": rows} for reason, rows in read.reasons.most_common()]
    body = f"# Source `{name}`\n\n{told}{read.quarantined} set aside.\n\n{table(reasons)}"
    create_markdown_artifact(body, key=f"source-{name}".replace("_", "-"), description=f"Rows read from {name}")


def data_card(counts: Mapping[str, Any], messages: pd.DataFrame, quarantine: pd.DataFrame, page: Path) -> None:
    """The dataset: what was kept, from where, in which split, and what was set aside and why."""
    by_split = messages.groupby(["split", "source"]).size().reset_index(name="messages").to_dict("records")
    excerpts = quarantine.groupby("reason").head(1)[["source", "reason", "excerpt"]].to_dict("records")
    body = (
        f"# Data card\n\n{_counts(counts)}\n\nWith pictures: `{page}`\n\n"
        f"## Messages by split and source\n\n{table(by_split)}\n"
        f"## Set aside, by reason\n\n{table(_reasons(quarantine))}\n"
        f"## One example of each reason (redacted)\n\n{table(excerpts)}"
    )
    create_markdown_artifact(body, key="data-card", description="Counts, splits and quarantine reasons")


def skipped(stage: str, reason: str) -> None:
    """A stage that had nothing to work on."""
    create_markdown_artifact(f"# {stage}\n\nskipped: {reason}\n", key=f"{stage}-skipped", description=reason)


class LossCurve:
    """The picture of the loss over steps: it appears with the first step and grows while the model learns."""

    def __init__(self, every: float = 10) -> None:
        self._every, self._shown = every, float("-inf")
        self._artifact: Any = None

    def show(self, curve: Curve, planned: int) -> None:
        """Draw the curve so far, at most once in so many seconds."""
        if time.monotonic() - self._shown >= self._every:
            self._put(curve.losses, curve.checks, f"step {len(curve.losses)} of {planned}")
            self._shown = time.monotonic()

    def finish(self, done: TrainReport) -> None:
        """The whole curve, with the figures of the run."""
        start = "the champion's adapters" if done.warm else "the base model"
        told = (
            f"{done.supervised_tokens} supervised tokens of {done.tokens}, {done.examples} examples, "
            f"{done.tokens_per_second:.0f} tokens/s, {done.precision}, from {start}, "
            f"{len(done.steps)} of {done.planned} steps"
        )
        self._put(done.losses, done.checks, told)

    def _put(self, losses: Sequence[float], checks: Sequence[tuple[int, float]], told: str) -> None:
        picture = _curve(losses, checks)
        if self._artifact is None:
            self._artifact = create_image_artifact(picture, key="loss-curve", description=told)
            return
        with get_client(sync_client=True) as client:
            client.update_artifact(self._artifact, ArtifactUpdate(data=picture, description=told))


def _curve(losses: Sequence[float], checks: Sequence[tuple[int, float]]) -> str:
    """A data URL of the picture."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.2), dpi=110)
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.plot(range(1, len(losses) + 1), losses, color="#2f6f4f", label="training")
    if checks:
        axes.plot(*zip(*checks, strict=True), color="#b5532a", marker="o", label="validation")
        axes.legend()
    axes.set(xlabel="step", ylabel="loss of answer tokens (nats)", title="Fine-tuning")
    axes.grid(alpha=0.3)
    picture = io.BytesIO()
    figure.savefig(picture, bbox_inches="tight", format="png")
    return "data:image/png;base64," + base64.b64encode(picture.getvalue()).decode()


def scorecard(card: Scorecard, peers: Sequence[Mapping[str, Any]], gains: Sequence[Mapping[str, Any]]) -> None:
    """The candidate's figures beside honest baselines, the paired gains, and examples of answers."""
    headline = figures.rows(card.scores, card.tables.get("intervals", []))
    beside = figures.beside(card.scores, peers)
    skipped = [{"part": part, "skipped because": why} for part, why in card.skipped.items()]
    answers = card.tables.get("answers", [])
    columns = ("question", "answer", "human", "kind", "confidence", "correct", "wrong")
    body = (
        f"# Scorecard\n\n{table(headline)}\n## Baselines on the same messages\n\n{table(beside)}\n"
        f"## Ours less theirs, paired\n\n{table(gains)}\n## Skipped\n\n{table(skipped)}\n"
        f"## Weakest intents\n\n{table(card.tables.get('per_intent', [])[:10])}\n"
        f"{_per_topic(card)}"
        f"## Commonest confusions\n\n{table(card.tables.get('confusions', []))}\n"
        f"## Answers, wrong ones first\n\n{table(sorted(answers, key=lambda r: -r['wrong'])[:30], columns)}"
    )
    create_markdown_artifact(body, key="scorecard", description="Held-out figures next to baselines")


def _per_topic(card: Scorecard) -> str:
    rows = card.tables.get("per_topic")
    return f"## Discovered topics, told by the classifier on held-out messages\n\n{table(rows)}\n" if rows else ""


_RENAMING = """Rename and merge topics in `deskloop.yaml`, by the names in `found_as`:

```yaml
intents:
  rename: {"name as found": my_name}
  merge: [["one name as found", "another"]]
```

"""


def topics(found: Topics, rows: Sequence[Mapping[str, Any]]) -> None:
    """Discovered topics with sizes and examples (redacted), and how to rename and merge them."""
    shown = [
        {**row, "found_as": "; ".join(row["found_as"]), "terms": ", ".join(row["terms"][:6]),
         "examples": " / ".join(text[:120] for text in row["examples"][:2])}
        for row in rows
    ]  # fmt: skip
    strange = f"No topic has these names of the configuration: {', '.join(found.strange)}.\n\n"
    body = (
        f"# Topics\n\nNobody labelled these messages; {len(rows)} topics were found in them, and {found.unclear} "
        f"messages belong to none. {strange if found.strange else ''}{_RENAMING}{table(shown)}"
    )
    create_markdown_artifact(body, key="topics", description=f"{len(rows)} topics, not labels")


def evaluation(card: Mapping[str, Any], folder: Path, settings: Settings) -> None:
    """Where the pages lie, and what the bot would have done with past tickets."""
    pages = {"Scorecard with pictures": scorepage.PAGE, "Backtest": backtest.PAGE}
    body = "# Evaluation\n\n" + "\n".join(f"- {title}: `{folder / name}`" for title, name in pages.items())
    if tickets := card["tables"].get("tickets"):
        body += f"\n\n```\n{backtest.told(backtest.summary(tickets, settings.backtest))}\n```"
    body += f"\n\n## Slices\n\n{table(card['tables'].get('slices', []))}"
    create_markdown_artifact(body, key="evaluation", description="Scorecard page, backtest and slices")


def backtested(version: int, told: str, page: str) -> None:
    """What the bot would have done with past tickets, and where the page lies; nobody's words."""
    body = f"# Past tickets and version {version}\n\n```\n{told}\n```\n\nFor a manager, with examples: `{page}`\n"
    create_markdown_artifact(body, key="backtest", description=told.splitlines()[1].strip())


def verdict(decision: Verdict, waits: bool, version: int, card: str, chat: str) -> None:
    """The gate's checks, the model card, and a link to the chat."""
    said = "waits for a person" if waits else "promoted" if decision.promote else "not promoted"
    body = f"# Version {version}: {said}\n\n{decision.summary}\n\n{_checks(decision.as_dict())}"
    create_markdown_artifact(body, key="gate", description=decision.summary[:200])
    create_markdown_artifact(card, key="model-card", description=f"Model card of version {version}")
    create_link_artifact(chat, key="chat", link_text="Open the chat", description=f"Version {version}")


def question(outcome: Outcome, release: Release, hours: float) -> str:
    """What the person who has to approve a version reads above the form."""
    return (
        f"## May version {outcome.version} answer customers?\n\nThe gate: {outcome.summary}. Without an answer "
        f"within {hours:g} hours it is refused.\n\n{_checks(release.verdict)}"
    )


def decision(version: int, approved: bool, said: str) -> None:
    """What a person decided."""
    body = f"# Version {version}: {'promoted' if approved else 'not promoted'}\n\n{said}\n"
    create_markdown_artifact(body, key="approval", description=said[:200])


def _checks(decision: Mapping[str, Any]) -> str:
    rows = [
        {"check": c["name"], **{n: c[n] for n in ("passed", "got", "wanted", "detail")}} for c in decision["checks"]
    ]
    return table(rows)


def drift(outcome: Drift, pages: str) -> None:
    """The drift check: each test with its numbers, and where Evidently's pages lie."""
    rows = [{"column": t.name, "statistic": t.statistic, "p": t.p_value, "drifted": t.drifted} for t in outcome.tests]
    body = f"# Drift: {outcome.verdict}\n\n{outcome.summary}\n\n{table(rows)}\nEvidently's report: `{pages}`\n"
    create_markdown_artifact(body, key="drift", description=f"{outcome.verdict}: {outcome.summary}"[:200])


def _counts(counts: Mapping[str, Any]) -> str:
    return ", ".join(f"{value} {name.replace('_', ' ')}" for name, value in counts.items())


def _reasons(quarantine: pd.DataFrame) -> list[dict[Any, Any]]:
    counts = quarantine.groupby(["source", "reason"]).size().reset_index(name="rows")
    return counts.sort_values("rows", ascending=False).to_dict("records")
