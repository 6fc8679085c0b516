"""Raw batches to clean, safe, split data: what every later stage reads. Counts always add up.

Every record that came in is accepted or set aside with a reason. Knows nothing about where data is kept.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pandas as pd

from deskloop import dedup, splits
from deskloop.cleaning import Clean, clean
from deskloop.linking import Links
from deskloop.records import Conversation, KnowledgeEntry, Quarantined
from deskloop.settings import ImapSource, MailSource, Settings
from deskloop.sources.batch import Batch, excerpt
from deskloop.text.normalise import normalise
from deskloop.text.pii import find
from deskloop.text.tokens import words

_GOOD = frozenset("good great solved resolved answered satisfied 4 5 4.0 5.0".split())
_MESSAGE_COLUMNS = ("id", "conversation_id", "text", "previous", "intent", "knowledge_id", "reply", "language",
    "split",
                    "synthetic", "core_id", "channel", "at", "source")  # fmt: skip


@dataclass(frozen=True)
class Prepared:
    """Clean frames, the rows set aside, and counts that add up."""

    conversations: pd.DataFrame
    knowledge: pd.DataFrame
    messages: pd.DataFrame
    quarantine: pd.DataFrame
    counts: dict[str, Any]


@dataclass(frozen=True)
class _Item:
    """A clean conversation on its way, with the entry it rests on."""

    clean: Clean
    knowledge_id: str | None

    @property
    def conversation(self) -> Conversation:
        return self.clean.conversation


def prepare(batches: Sequence[Batch], settings: Settings) -> Prepared:
    """Clean, redact, deduplicate, link, split and check. Deterministic for the same batches and settings."""
    aside = [q for b in batches for q in b.quarantined]
    entries = _knowledge([e for b in batches for e in b.knowledge], aside)
    links = Links(entries)
    items = list(
        _cleaned((c for b in batches for c in b.conversations), settings, _public(entries, settings), links, aside)
    )
    items = _first_of_each(items, settings.preprocess.near_duplicate, aside)
    conversations, messages = _split(items, settings, aside)
    knowledge = pd.DataFrame([e.model_dump(mode="json") for e in entries], columns=list(KnowledgeEntry.model_fields))
    conversations, messages, knowledge = _checked(conversations, messages, knowledge, aside)
    quarantine = pd.DataFrame([q.model_dump() for q in aside], columns=list(Quarantined.model_fields))
    counts = _counts(batches, conversations, knowledge, messages, quarantine)
    return Prepared(conversations, knowledge, messages, quarantine, counts)


def _knowledge(entries: Iterable[KnowledgeEntry], aside: list[Quarantined]) -> list[KnowledgeEntry]:
    kept: dict[str, KnowledgeEntry] = {}
    said: set[str] = set()
    for entry in entries:
        entry = entry.model_copy(update={"question": normalise(entry.question), "answer": normalise(entry.answer)})
        text = " ".join(words(f"{entry.question} {entry.answer}"))
        if not entry.approved:
            aside.append(_entry_aside(entry, "not approved"))
        elif text in said or entry.id in kept:
            aside.append(_entry_aside(entry, "duplicate" if text in said else "id used twice"))
        else:
            said.add(text)
            kept[entry.id] = entry
    return list(kept.values())


def _public(entries: list[KnowledgeEntry], settings: Settings) -> tuple[str, ...]:
    """What is the shop's own or printed in its knowledge, and so no secret of anybody's."""
    own = {*settings.preprocess.own_addresses}
    own |= {a for s in settings.sources if isinstance(s, MailSource | ImapSource) for a in s.own_addresses}
    own |= {urlsplit(e.url).netloc.lower() for e in entries if e.url}
    for entry in entries:
        text = f"{entry.question}\n{entry.answer}"
        own |= {text[s.start : s.end] for s in find(text)}
    return tuple(sorted(own))


def _cleaned(
    found: Iterable[Conversation], settings: Settings, public: tuple[str, ...], links: Links, aside: list[Quarantined]
) -> Iterable[_Item]:
    seen: set[str] = set()
    for conversation in found:
        if conversation.id in seen:
            # The same id from two sources is two conversations; from one it is a copy.
            conversation = conversation.model_copy(update={"id": f"{conversation.source}:{conversation.id}"})
        if conversation.id in seen:
            aside.append(_aside(conversation, "id used twice"))
            continue
        seen.add(conversation.id)
        result = clean(conversation, settings, public)
        if isinstance(result, str):
            aside.append(_aside(conversation, result))
            continue
        entry, url = links.of(conversation)
        kept = result.conversation.model_copy(update={"knowledge_url": url})
        yield _Item(Clean(kept, result.opening, result.previous, result.reply), entry)


def _first_of_each(items: list[_Item], threshold: float, aside: list[Quarantined]) -> list[_Item]:
    """Without conversations that repeat another; the best answered is kept, and a real one before a synthetic."""
    ranked = sorted(items, key=_worth)
    texts = [_whole(i) for i in ranked]
    kept = []
    for at, (item, first) in enumerate(zip(ranked, dedup.near_duplicates(texts, threshold), strict=True)):
        if first == at:
            kept.append(item)
        else:
            same = texts[at].lower() == texts[first].lower()
            aside.append(_aside(item.conversation, "duplicate" if same else "near-duplicate"))
    return sorted(
        kept, key=lambda i: (i.conversation.source, str(i.conversation.started_at or ""), i.conversation.id)
    )


def _worth(item: _Item) -> tuple[bool, int, str, str]:
    conversation = item.conversation
    answered = 2 * bool(item.knowledge_id) + bool(item.clean.reply) + 2 * bool(conversation.intent)
    good = str(conversation.outcome or "").lower() in _GOOD
    return conversation.synthetic, -(answered + good), str(conversation.started_at or ""), conversation.id


def _whole(item: _Item) -> str:
    said = [t.text for t in item.conversation.turns if t.role == "customer"]
    return "\n".join(said) if len(said) > 1 else item.clean.opening


def _split(items: list[_Item], settings: Settings, aside: list[Quarantined]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Conversations and their messages with a split; children of held-out cores are set aside."""
    messages = pd.DataFrame([_message(i) for i in items], columns=[c for c in _MESSAGE_COLUMNS if c != "split"])
    conversations = pd.DataFrame(
        [i.conversation.model_dump(mode="json", exclude={"names"}) for i in items],
        columns=[f for f in Conversation.model_fields if f != "names"],
    )
    if not items:
        return conversations.assign(split=pd.Series(dtype=str)), messages.assign(split=pd.Series(dtype=str))
    alike = _alike(items, settings.preprocess.near_duplicate)
    frame = messages.assign(
        id=messages["conversation_id"],
        group=[messages["conversation_id"].iloc[i] for i in alike],
        customer=pd.Series([i.conversation.customer for i in items], index=messages.index, dtype=object),
    )
    how = settings.preprocess
    if not how.customers_apart:
        frame = frame.drop(columns="customer")
    split = splits.assign(frame, how.test_share, how.validation_share, settings.model.seed)
    out = (split == splits.SET_ASIDE).to_numpy()
    aside += [_aside(i.conversation, "grown from a held-out row") for i, o in zip(items, out, strict=True) if o]
    # A message whose opening another already asks would only repeat it; the conversation stays.
    first = [i == at for at, i in enumerate(alike)]
    messages = messages.assign(split=split)[~out & first]
    # Nobody wrote a synthetic row: one that names a person whose own words are held out names nobody from here on.
    held = set(conversations.loc[~conversations["synthetic"] & (split != "train").to_numpy(), "customer"].dropna())
    named = how.customers_apart & conversations["synthetic"] & conversations["customer"].isin(held)
    conversations["customer"] = conversations["customer"].mask(named, None)
    return conversations.assign(split=split)[~out], messages[list(_MESSAGE_COLUMNS)]


def _alike(items: list[_Item], threshold: float) -> list[int]:
    """For each conversation the one whose opening it repeats, its own if none; real and best answered ones lead."""
    order = sorted(range(len(items)), key=lambda i: _worth(items[i]))
    found = dedup.near_duplicates([items[i].clean.opening for i in order], threshold)
    leader = {order[at]: order[first] for at, first in enumerate(found)}
    return [leader[i] for i in range(len(items))]


def _message(item: _Item) -> dict[str, Any]:
    conversation = item.conversation
    return {
        "id": f"{conversation.id}#0",
        "conversation_id": conversation.id,
        "text": item.clean.opening,
        "previous": item.clean.previous,
        "intent": conversation.intent,
        "knowledge_id": item.knowledge_id,
        "reply": item.clean.reply,
        "language": conversation.language,
        "synthetic": conversation.synthetic,
        "core_id": conversation.core_id,
        "channel": conversation.channel,
        "at": conversation.started_at.isoformat() if conversation.started_at else None,
        "source": conversation.source,
    }


def _checked(
    conversations: pd.DataFrame, messages: pd.DataFrame, knowledge: pd.DataFrame, aside: list[Quarantined]
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    from deskloop import quality

    messages, bad_messages = quality.check(messages, quality.messages)
    refused = dict(zip(bad_messages["conversation_id"], bad_messages["reason"], strict=True))
    conversations, bad = quality.check(conversations, quality.conversations)
    refused |= dict(zip(bad["id"], bad["reason"], strict=True))
    dropped = conversations[conversations["id"].isin(list(refused))]
    for row in [*dropped.to_dict("records"), *bad.to_dict("records")]:
        lineage = row["lineage"]
        aside.append(Quarantined(source=row["source"], locator=lineage["locator"], reason=refused[row["id"]]))
    knowledge, unfit = quality.check(knowledge, quality.knowledge)
    aside += [Quarantined(source=r["source"], locator=r["id"], reason=r["reason"]) for r in unfit.to_dict("records")]
    conversations = conversations[~conversations["id"].isin(list(refused))].reset_index(drop=True)
    messages = messages[messages["conversation_id"].isin(set(conversations["id"]))].reset_index(drop=True)
    return conversations, messages, knowledge


def _counts(
    batches: Sequence[Batch],
    conversations: pd.DataFrame,
    knowledge: pd.DataFrame,
    messages: pd.DataFrame,
    quarantine: pd.DataFrame,
) -> dict[str, Any]:
    """Totals, by source, by reason, by split; and the digest of the test split, so that a change shows."""
    read: Counter[str] = Counter()
    for batch in batches:
        read.update(c.source for c in batch.conversations)
        read.update(e.source for e in batch.knowledge)
        read.update(q.source for q in batch.quarantined)
    accepted = Counter(conversations["source"]) + Counter(knowledge["source"])
    refused = Counter(quarantine["source"])
    sources = {
        name: {"read": read[name], "accepted": accepted[name], "quarantined": refused[name]} for name in sorted(read)
    }
    test = messages[messages["split"] == "test"]
    listing = "\n".join(sorted(f"{i}\t{t}" for i, t in zip(test["id"], test["text"], strict=True)))
    return {
        "read": sum(b.read for b in batches),
        "accepted": len(conversations) + len(knowledge),
        "quarantined": len(quarantine),
        "messages": len(messages),
        "labelled": int(messages["intent"].notna().sum()),
        "sources": sources,
        "reasons": dict(Counter(quarantine["reason"]).most_common()),
        "splits": {s: int((messages["split"] == s).sum()) for s in ("train", "validation", "test")},
        "languages": dict(Counter(conversations["language"]).most_common()),
        "test_digest": hashlib.sha256(listing.encode()).hexdigest(),
    }


def _aside(conversation: Conversation, reason: str) -> Quarantined:
    said = next((t.text for t in conversation.turns if t.role == "customer"), "")
    return Quarantined(
        source=conversation.source,
        locator=conversation.lineage.locator,
        reason=reason,
        excerpt=excerpt(said, conversation.names),
    )


def _entry_aside(entry: KnowledgeEntry, reason: str) -> Quarantined:
    return Quarantined(
        source=entry.source, locator=entry.url or entry.id, reason=reason, excerpt=entry.question[:200]
    )
