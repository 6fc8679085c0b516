"""What the bot would have done with the team's own past tickets: answered, wrongly answered, handed over; and saved.

A ticket is a held-out message of which it is known what became of it. Right is an answer from the entry that the desk
used; where the desk named none, an entry that says what the colleague said. Knows nothing about stages or where pages
are kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from deskloop import metrics, rightness, sheet
from deskloop.bot import Bot
from deskloop.plan import MOST_OFFERED, Plan, Reading
from deskloop.settings import Backtest
from deskloop.slices import UNJUDGED

Ticket = dict[str, Any]
PAGE = "backtest.html"
EXAMPLES = 5  # shown of each outcome
_QUOTED = 300  # letters of a colleague's reply
_TOLD = {
    "right": "Answered, and rightly",
    "wrong": "Answered wrongly",
    "offered": "Handed to a colleague, the right page offered",
    "handed over": "Handed to a colleague",
    "small talk": "Small talk",
}


def tickets(test: pd.DataFrame, plans: Sequence[Plan], readings: Sequence[Reading], bot: Bot) -> list[Ticket]:
    """One row for each held-out message: its traits, what would have become of it, and how sure the bot was.

    The outcome is UNJUDGED where nobody knows what was right.
    """
    rows = test.to_dict("records")
    right = zip(*(rightness.right(rows, readings, at, bot.index.encoder) for at in range(MOST_OFFERED)), strict=True)
    made = [_ticket(*row) for row in zip(rows, plans, readings, right, bot.sureness(readings), strict=True)]
    return [
        row if known else row | {"outcome": UNJUDGED} for row, known in zip(made, rightness.known(test), strict=True)
    ]


def _ticket(row: Mapping[Any, Any], plan: Plan, reading: Reading, right: Sequence[bool], sure: float) -> Ticket:
    """`right`: whether each of the best entries found is."""
    intent = row["intent"] if isinstance(row["intent"], str) else None
    hit = reading.hits[0] if reading.hits else None
    return {
        "id": row["id"], "at": row["at"] if isinstance(row["at"], str) else "",
        "channel": row["channel"], "language": row["language"], "intent": intent,
        "words": len(str(row["text"]).split()),
        "newcomer": row["newcomer"] if isinstance(row.get("newcomer"), bool) else None,
        "outcome": _outcome(plan, right),
        "findable": right[0], "sure": round(sure, 4),
        "understood": None if intent is None else plan.intent == intent,
        "reason": plan.reason or "", "question": row["text"], "entry": hit.question if hit else "",
        "reply": str(row["reply"] or "")[:_QUOTED],
    }  # fmt: skip


def _outcome(plan: Plan, right: Sequence[bool]) -> str:
    if plan.kind == "smalltalk":
        return "small talk"
    if plan.kind in ("clarify", "handoff"):
        return "offered" if any(right[: len(plan.offered)]) else "handed over"
    return "right" if any(right[: len(plan.shown)]) else "wrong"


def shortened(rows: Sequence[Ticket]) -> list[Ticket]:
    """The rows with the words of a few examples of each outcome alone."""
    kept = {row["id"] for outcome in _TOLD for row in _some([r for r in rows if r["outcome"] == outcome])}
    return [row if row["id"] in kept else {**row, "question": "", "entry": "", "reply": ""} for row in rows]


def _some(rows: Sequence[Ticket]) -> Sequence[Ticket]:
    return rows[:: max(1, len(rows) // EXAMPLES)][:EXAMPLES]


def summary(rows: Sequence[Ticket], how: Backtest) -> dict[str, Any]:
    """Shares with their 95 % intervals (Wilson 1927), and what is saved at the configured rates."""
    counts = Counter(row["outcome"] for row in rows)
    total, answered = len(rows), counts["right"] + counts["wrong"]
    hours = counts["right"] * how.minutes_per_ticket / 60
    share, wrong = metrics.wilson(answered, total), metrics.wilson(counts["wrong"], total)
    times = sorted(row["at"] for row in rows if row["at"])
    return {
        "tickets": total,
        "from": times[0][:10] if times else None,
        "to": times[-1][:10] if times else None,
        "answered": answered,
        "answered_share": share.value,
        "answered_interval": [share.low, share.high],
        "wrong": counts["wrong"],
        "wrong_share": wrong.value,
        "wrong_interval": [wrong.low, wrong.high],
        "handed_over": counts["handed over"] + counts["offered"],
        "offered": counts["offered"],
        "hours_saved": round(hours, 1),
        "cost_saved": round(hours * how.cost_per_hour),
        "per_100_tickets": {"hours": round(100 * hours / (total or 1), 1)},
        "currency": how.currency,
        "minutes_per_ticket": how.minutes_per_ticket,
        "cost_per_hour": how.cost_per_hour,
    }


def told(found: Mapping[str, Any]) -> str:
    """For a person, in a few lines."""
    low, high = found["answered_interval"]
    bad_low, bad_high = found["wrong_interval"]
    return (
        f"{found['tickets']:,} past tickets ({found['from'] or 'undated'} to {found['to'] or 'undated'})\n"
        f"  answered by the bot:  {found['answered_share']:.0%} ({low:.0%} to {high:.0%})\n"
        f"  answered wrongly:     {found['wrong_share']:.1%} ({bad_low:.1%} to {bad_high:.1%})\n"
        f"  handed to a person:   {found['handed_over']:,} ({found['offered']:,} with the right page offered)\n"
        f"  saved:                {found['hours_saved']:,} hours, {found['currency']}{found['cost_saved']:,} "
        f"(right answers alone, at {found['minutes_per_ticket']:g} minutes a ticket and "
        f"{found['currency']}{found['cost_per_hour']:g} an hour)"
    )


def page(rows: Sequence[Ticket], how: Backtest, shop: str) -> str:
    """The one page that a manager reads."""
    found = summary(rows, how)
    low, high = found["answered_interval"]
    bad_low, bad_high = found["wrong_interval"]
    offered = 100 * found["offered"] / (found["tickets"] or 1)
    figures = {
        "of the tickets answered by the bot": f"{100 * found['answered_share']:.0f} %",
        "of the tickets answered wrongly": f"{100 * found['wrong_share']:.1f} %",
        "handed to a colleague, with the right page offered": f"{offered:.0f} %",
        "hours of the desk saved": f"{found['hours_saved']:,}",
        "saved": f"{found['currency']}{found['cost_saved']:,}",
    }
    reasons = Counter(row["reason"].partition(":")[0] for row in rows if _handed(row))
    return sheet.page(
        f"What the bot would have done for {shop}",
        [
            f"<p>{found['tickets']:,} past tickets from {found['from'] or '?'} to {found['to'] or '?'}. The bot has "
            "learnt from none of them.</p>",
            sheet.big(figures),
            f"<p><small>With 95 % certainty between {100 * low:.0f} and {100 * high:.0f} % answered, between "
            f"{100 * bad_low:.1f} and {100 * bad_high:.1f} % wrongly. Saved: right answers alone, at "
            f"{how.minutes_per_ticket:g} minutes a ticket and "
            f"{how.currency}{how.cost_per_hour:g} an hour (<code>backtest:</code> in deskloop.yaml). A wrong answer "
            "costs more than time; the gate holds it below the rate that you state.</small></p>",
            _over_time(rows),
            "<h2>Why a colleague takes over</h2>",
            sheet.table([{"reason": reason, "tickets": count} for reason, count in reasons.most_common(8)]),
            "<h2>What colleagues are still asked</h2>",
            sheet.table(_left(rows, how)),
            "<p><small><code>deskloop gaps</code> drafts the pages that are missing.</small></p>",
            *(f"<h2>{title}</h2>{sheet.table(_examples(rows, outcome))}" for outcome, title in _TOLD.items()
              if outcome != "small talk"),
        ],
    )  # fmt: skip


def _left(rows: Sequence[Ticket], how: Backtest) -> list[dict[str, Any]]:
    """The intents of what was handed over, the commonest first, and the time that they take."""
    intents = Counter(row["intent"] or "not known" for row in rows if _handed(row))
    return [
        {"intent": intent, "tickets": count, "hours": f"{count * how.minutes_per_ticket / 60:.1f}"}
        for intent, count in intents.most_common(8)
    ]


def _examples(rows: Sequence[Ticket], outcome: str) -> list[dict[str, Any]]:
    chosen = _some([row for row in rows if row["outcome"] == outcome and row["question"]])
    named = {"handed over": ("reason", "reason"), "offered": ("offered first", "entry")}
    last, column = named.get(outcome, ("answered from", "entry"))
    shown = [{"customer": row["question"], last: row[column]} for row in chosen]
    if outcome == "wrong":  # what the right answer would have been
        shown = [one | {"a colleague said": row.get("reply", "")} for one, row in zip(shown, chosen, strict=True)]
    return shown


def _handed(row: Ticket) -> bool:
    return row["outcome"] in ("handed over", "offered")


def _over_time(rows: Sequence[Ticket]) -> str:
    dated = pd.DataFrame([{"month": r["at"][:7], "outcome": r["outcome"]} for r in rows if r["at"]])
    if dated.empty:
        return ""
    counts = pd.crosstab(dated["month"], dated["outcome"]).reindex(columns=list(_TOLD), fill_value=0)
    figure = sheet.figure(9, 3)
    axes = figure.subplots()
    base = pd.Series(0, index=counts.index)
    for outcome, colour in zip(_TOLD, ("#2f6f4f", "#b5532a", "#5f8fb0", "#9fb7c9", "#dddddd"), strict=True):
        axes.bar(counts.index, counts[outcome], bottom=base, color=colour, label=_TOLD[outcome])
        base = base + counts[outcome]
    axes.set(ylabel="tickets", title="By month", ylim=(0, 1.4 * float(base.max())))
    axes.tick_params(axis="x", rotation=45 if len(counts) > 8 else 0, labelsize=8)
    axes.legend(fontsize=8, ncols=3, loc="upper center")
    return sheet.picture(figure, "Tickets answered, wrongly answered and handed over, by month")
