"""Topics of the customers' openings, for a team without intent labels: found, named, and stable over retrainings.

Messages are grouped by their sentence vectors and, where most have one, by the vector of the human's reply beside
it: what a colleague answered tells what was asked. Groups get names from their words (`topicnames`), or keep those
of the champion's topics that lie where they do. Knows frames and vectors; nothing about stages or storage.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from deskloop import clusters, topicnames
from deskloop.clusters import Codes, Matrix, Space
from deskloop.settings import Intents

FEWEST = 30  # training messages without a label, from which topics are looked for
MOST_REPLIES = 4_000  # replies read; other messages are told by their own words
REPLIES_FROM = 0.5  # share of training messages with a reply, from which replies are read
FEWEST_LABELLED = 5  # messages of a given intent, from which a topic that lies where it does takes its name
EXAMPLES = 3
LONGEST_EXAMPLE = 200  # characters; short ones are read at a glance
FILE, ARRAYS = "topics.json", "centres.npy"

Encode = Callable[[Sequence[str]], NDArray[np.float32]]


@dataclass(frozen=True)
class Topic:
    """A group of alike messages.

    `name` is as found and stays over retrainings; `label`, after merging and renaming, is the intent of its
    messages. `size` counts all its messages, `coherence` is the mean cosine of its training messages to their centre,
    `examples` are ids of messages.
    """

    name: str
    label: str
    terms: tuple[str, ...]
    size: int
    coherence: float
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Topics:
    """All topics, the largest first, with their `centres` (k, w): mean vectors of message and, if read, reply.

    `unclear` counts messages that belong to no topic. `strange` are the names in the configuration that no topic
    has. `messages` is the digest of the table that they were found in.
    """

    topics: tuple[Topic, ...]
    centres: Matrix
    unclear: int
    replies: bool
    strange: tuple[str, ...] = ()
    messages: str = ""

    def save(self, folder: Path) -> None:
        """Write JSON and npy: names, terms, figures and ids, but no message."""
        facts = asdict(self)
        del facts["centres"]
        (folder / FILE).write_text(json.dumps(facts, ensure_ascii=False, indent=1), "utf-8")
        np.save(folder / ARRAYS, self.centres, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> Topics:
        """Read what `save` wrote."""
        facts = json.loads((folder / FILE).read_bytes())
        made = (Topic(**{**t, "terms": tuple(t["terms"]), "examples": tuple(t["examples"])}) for t in facts["topics"])
        centres = np.load(folder / ARRAYS, allow_pickle=False)
        return cls(**{**facts, "topics": tuple(made), "strange": tuple(facts["strange"]), "centres": centres})


@dataclass(frozen=True)
class Found:
    """Topics, and the label of each message (n,); None where it is unclear or has a label of its own."""

    topics: Topics
    labels: list[str | None] = field(repr=False)


def wanted(messages: pd.DataFrame, how: Intents, reviewed: Collection[str]) -> bool:
    """Whether topics are to be found: as configured, or where the desk labelled fewer than two intents.

    `reviewed` names sources of the bot's own reviewed conversations: a few labels given there, mostly a topic's
    own name, do not make the topics go.
    """
    if how.discover != "auto":
        return how.discover == "on"
    theirs = messages[(messages["split"] == "train") & ~messages["source"].isin(list(reviewed))]
    return int(theirs["intent"].nunique()) < 2


def discover(
    messages: pd.DataFrame,
    vectors: Matrix,
    encode: Encode,
    how: Intents,
    seed: int,
    known: Topics | None = None,
    digest: str = "",
) -> Found | None:
    """Group the messages without a label by their `vectors` (n, d). `known` topics lend their names and centres.

    `digest` tells the messages' table: known topics of the same one are only named anew. Groups are made of the
    training split, held-out messages are only assigned. None where there are too few messages, or no structure.
    """
    free = messages["intent"].isna().to_numpy()
    train = free & (messages["split"] == "train").to_numpy() & ~messages["synthetic"].astype(bool).to_numpy()
    if train.sum() < FEWEST:
        return None
    rows, full = _rows(messages, vectors, encode, train, seed)
    width, base = vectors.shape[1], train & full
    space = Space.of(rows[base], width)
    former = known.centres if known and known.centres.shape[1] == rows.shape[1] else None
    same = known and digest and known.messages == digest and former is not None and len(former) <= how.most_topics
    centres = former if same else clusters.grouped(rows[base], space, how.most_topics, seed, former)
    if centres is None or len(centres) < 2:
        return None
    likeness = space.likeness(rows, centres)
    codes = np.where(free, clusters.assigned(likeness), -1)
    taken = _taken(centres, space, _anchors(messages, rows, known))
    topics, strange = _described(messages, codes, likeness, train, taken, how)
    order = sorted(range(len(topics)), key=lambda k: (-topics[k].size, topics[k].name))
    labels = [topics[code].label if code >= 0 else None for code in codes]
    ranked = tuple(topics[k] for k in order)
    unclear = int((free & (codes < 0)).sum())
    return Found(Topics(ranked, centres[order], unclear, rows.shape[1] > width, strange, digest), labels)


def labelled(messages: pd.DataFrame, labels: Sequence[str | None]) -> pd.DataFrame:
    """The messages with topics as intents where they have none; the column `discovered` tells these."""
    given = messages["intent"].notna().to_numpy()
    intents = pd.Series(list(labels), index=messages.index, dtype=object)
    found = messages["intent"].astype(object).where(given, intents)
    return messages.assign(intent=found, discovered=~given & found.notna().to_numpy())


def discovered(messages: pd.DataFrame) -> pd.Series:
    """Which messages have a topic, not a label that a person gave."""
    if "discovered" in messages:
        return messages["discovered"].astype(bool)
    return pd.Series(False, index=messages.index)


def table(topics: Topics, texts: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """One row a label, the largest first: names, size, coherence, terms, and examples where their text is at hand."""
    out: dict[str, dict[str, Any]] = {}
    for topic in topics.topics:
        row = out.setdefault(
            topic.label,
            {"topic": topic.label, "found_as": [], "size": 0, "coherence": 0.0, "terms": [], "examples": []},
        )
        size = row["size"] + topic.size
        row["coherence"] = round((row["coherence"] * row["size"] + topic.coherence * topic.size) / max(size, 1), 3)
        row["size"] = size
        row["found_as"].append(topic.name)
        row["terms"] += [t for t in topic.terms if t not in row["terms"]]
        row["examples"] += [" ".join(texts[i].split()) for i in topic.examples if texts and i in texts]
    return sorted(out.values(), key=lambda row: (-row["size"], row["topic"]))


def _rows(
    messages: pd.DataFrame, vectors: Matrix, encode: Encode, train: NDArray[np.bool_], seed: int
) -> tuple[Matrix, NDArray[np.bool_]]:
    """Vectors of messages, and of replies beside them where most have one; and which rows are whole."""
    replied = (messages["reply"].str.len() > 0).to_numpy()
    if replied[train].mean() < REPLIES_FROM:
        return vectors, np.ones(len(vectors), bool)
    shuffled = np.random.default_rng(seed).permutation(np.flatnonzero(replied))
    read = np.sort(shuffled[np.argsort(~train[shuffled], kind="stable")][:MOST_REPLIES])  # training messages first
    replies = np.zeros_like(vectors)
    replies[read] = encode(messages["reply"].iloc[read].tolist())
    whole = np.zeros(len(vectors), bool)
    whole[read] = True
    return np.hstack([vectors, replies]), whole


def _anchors(messages: pd.DataFrame, rows: Matrix, known: Topics | None) -> list[tuple[str, Matrix]]:
    """Names that new topics may take over, each with its centre: intents that people gave, and known topics."""
    train = messages[(messages["split"] == "train") & messages["intent"].notna()]
    places = messages.index.get_indexer(train.index)
    given = {
        str(name): rows[places[at]].mean(axis=0)
        for name, at in train.reset_index(drop=True).groupby("intent").indices.items()
        if len(at) >= FEWEST_LABELLED
    }
    if known is None:
        return list(given.items())
    said = messages.loc[messages["split"] == "train", "text"].tolist()
    stay = topicnames.still_said([t.name for t in known.topics], said)
    former = zip(known.topics, known.centres, strict=True)
    return [*given.items(), *((t.name, c) for t, c in former if t.name in stay and not {t.name, t.label} & {*given})]


def _taken(centres: Matrix, space: Space, anchors: list[tuple[str, Matrix]]) -> dict[int, str]:
    """Topics that take over a name: number to name. By the message alone where one side read no replies."""
    if not anchors:
        return {}
    width = min(centres.shape[1], *(len(centre) for _, centre in anchors))
    near = Space(space.mean[:width], space.block)
    other = np.vstack([centre[:width] for _, centre in anchors])
    pairs = clusters.matched(near.likeness(centres[:, :width], other))
    return {row: anchors[column][0] for row, column in pairs.items()}


def _described(
    messages: pd.DataFrame,
    codes: Codes,
    likeness: Matrix,
    train: NDArray[np.bool_],
    taken: dict[int, str],
    how: Intents,
) -> tuple[list[Topic], tuple[str, ...]]:
    texts = messages["text"].tolist()
    members = [np.flatnonzero(train & (codes == k)) for k in range(likeness.shape[1])]
    groups = [[texts[i] for i in rows] for rows in members]
    names, terms = topicnames.names(groups, [taken.get(k) for k in range(len(groups))])
    labels, strange = _renamed(names, how)
    topics = []
    for k, rows in enumerate(members):
        near = likeness[rows, k]
        topics.append(
            Topic(names[k], labels[k], tuple(terms[k]), int((codes == k).sum()),
                  round(float(near.mean()) if len(rows) else 0.0, 4), _examples(messages, rows, near))
        )  # fmt: skip
    return topics, strange


def _renamed(names: Sequence[str], how: Intents) -> tuple[list[str], tuple[str, ...]]:
    """Labels of topics: merged ones have the first's name; then each may be renamed."""
    first = {name: group[0] for group in how.merge for name in group}
    merged = [first.get(name, name) for name in names]
    labels = [how.rename.get(name, how.rename.get(own, name)) for own, name in zip(names, merged, strict=True)]
    asked = [*first, *how.rename]
    return labels, tuple(dict.fromkeys(name for name in asked if name not in names))


def _examples(messages: pd.DataFrame, rows: NDArray[np.intp], near: Matrix) -> tuple[str, ...]:
    """Ids of the messages nearest the centre, short ones first."""
    lengths = messages["text"].str.len().to_numpy()[rows]
    order = np.lexsort((rows, -near, lengths > LONGEST_EXAMPLE))
    return tuple(str(messages["id"].iloc[rows[i]]) for i in order[:EXAMPLES])
