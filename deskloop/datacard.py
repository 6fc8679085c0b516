"""The data card as a page that stands by itself: what was read, kept and set aside, and why, in tables and pictures.

Knows prepared frames; nothing about stages or where the page is kept. Texts are shown as preprocessing left them,
without personal data.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from deskloop import sheet

PAGE = "data-card.html"
SAMPLES = "samples.html"
COUNTS = "counts.json"
COLUMNS = ("source", "split", "intent", "text", "reply", "at", "synthetic")  # of the messages that are read
_SHOWN = 10
Counts = Mapping[str, Any]


def save(folder: Path, counts: Counts, messages: pd.DataFrame, quarantine: pd.DataFrame) -> int:
    """Write the card without anybody's words, and a page of redacted samples beside it. Returns the rows kept."""
    (folder / PAGE).write_text(card(counts, messages, quarantine), "utf-8")
    (folder / SAMPLES).write_text(samples(messages, quarantine), "utf-8")
    (folder / COUNTS).write_text(json.dumps(counts, indent=1), "utf-8")
    return int(counts["accepted"])


def told(counts: Counts) -> str:
    """For a person, in a few lines."""
    head = f"{counts['read']:,} rows read: {counts['accepted']:,} accepted, {counts['quarantined']:,} set aside"
    lines = [f"  {rows:>9,}  {reason}" for reason, rows in counts["reasons"].items()]
    kept = ", ".join(f"{rows:,} {split}" for split, rows in counts["splits"].items())
    return "\n".join([head, *lines, f"{counts['messages']:,} customer messages: {kept}"])


def card(counts: Counts, messages: pd.DataFrame, quarantine: pd.DataFrame) -> str:
    """The page: totals, by source, by split, by reason, and pictures."""
    total = (
        f"<p><b>{counts['read']:,}</b> rows read = <b>{counts['accepted']:,}</b> accepted + "
        f"<b>{counts['quarantined']:,}</b> set aside. {counts['messages']:,} customer messages, "
        f"{counts['labelled']:,} of them labelled. The right entry is known of {counts['entry_named']:,} from the "
        f"desk, of {counts['entry_quoted']:,} more because the colleague's reply quotes it. {counts['routed']:,} "
        "conversations are in a language that colleagues answer: kept, not learnt from.</p>"
        f"<p>Test split: <code>sha256 {counts['test_digest']}</code></p>"
        f"<p>{_parted(counts)}</p>"
    )
    sources = [{"source": name, **row} for name, row in counts["sources"].items()]
    splits = messages.groupby(["split", "source"]).size().reset_index(name="messages").to_dict("records")
    reasons = [{"reason": reason, "rows": rows} for reason, rows in counts["reasons"].items()]
    files = [{"type": kind, "files": number} for kind, number in counts["attachments"].items()]
    return sheet.page(
        "Data card",
        [total, _picture(messages, counts)]
        + [f"<h2>{title}</h2>{sheet.table(rows)}" for title, rows in (
            ("By source", sources), ("Set aside, by reason", reasons), ("Messages by split and source", splits),
            ("Attachments, listed and not opened", files),
        )],
    )  # fmt: skip


def _parted(counts: Counts) -> str:
    """How far people are apart, and which late messages follow an older customer or twin."""
    return (
        f"{counts['customers_crossing']} customers wrote messages of more than one split. {counts['after_cut']} "
        "conversations as late as the test teach or tune instead: their customer, core or near-duplicate is older."
    )


def samples(messages: pd.DataFrame, quarantine: pd.DataFrame) -> str:
    """Ten messages, and one example of each reason."""
    some = messages.sample(min(_SHOWN, len(messages)), random_state=0) if len(messages) else messages
    kept = some[["source", "split", "intent", "text", "reply"]].to_dict("records")
    aside = quarantine.groupby("reason").head(1)[["source", "reason", "excerpt"]].to_dict("records")
    return sheet.page(
        "Samples, redacted",
        [f"<h2>Messages</h2>{sheet.table(kept)}", f"<h2>One example of each reason</h2>{sheet.table(aside)}"],
    )


def _picture(messages: pd.DataFrame, counts: Counts) -> str:
    """Four plots: messages over time, their lengths, the commonest intents, languages of the conversations."""
    figure = sheet.figure(10, 6.4)
    ((time, length), (intent, language)) = figure.subplots(2, 2)
    _over_time(time, messages)
    words = pd.Series([len(text.split()) for text in messages["text"]], dtype=float)
    length.hist(words.clip(upper=100), bins=30, color="#2f6f4f")
    length.set(title="Length of messages", xlabel="words (100 and more together)", ylabel="messages")
    _bars(intent, messages["intent"].value_counts().head(15), "Commonest intents")
    spoken = pd.Series(counts["languages"], dtype=float).rename(index={"und": "too short\nto tell"})
    _bars(language, spoken.head(15), "Languages of conversations")
    return sheet.picture(figure, "Messages over time, lengths, intents, languages")


def _over_time(axes: Any, messages: pd.DataFrame) -> None:
    dated = messages[messages["at"].notna() & ~messages["synthetic"].astype(bool)]
    month = dated["at"].str[:7]
    table = pd.crosstab(month, dated["split"])
    base = pd.Series(0, index=table.index)
    for split, colour in (("train", "#2f6f4f"), ("validation", "#d8a13a"), ("test", "#b5532a")):
        if split in table:
            axes.bar(table.index, table[split], bottom=base, color=colour, label=split)
            base = base + table[split]
    axes.set(title="Real messages by month and split", ylabel="messages")
    if table.empty:
        return _nothing(axes, "no message has a time")
    axes.tick_params(axis="x", rotation=60, labelsize=7)
    axes.set_ylim(0, 1.3 * float(base.max()))  # room for the legend
    axes.legend(fontsize=8, ncols=3, loc="upper center")


def _bars(axes: Any, series: pd.Series, title: str) -> None:
    axes.barh([str(name) for name in series.index][::-1], series.to_numpy()[::-1], color="#4a7fb5")
    axes.set_title(title)
    if series.empty:
        return _nothing(axes, "none is known")
    axes.tick_params(axis="y", labelsize=7)


def _nothing(axes: Any, why: str) -> None:
    axes.set(xticks=[], yticks=[], ylabel="")
    axes.text(0.5, 0.5, why, ha="center", va="center", transform=axes.transAxes, color="#777")
