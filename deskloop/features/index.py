"""Search over the knowledge base: exact dense and lexical signals, fused. Knows nothing about answering.

An entry is found by its own words, and by past questions of customers that it answered (`examples`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from deskloop.errors import BadInput
from deskloop.features import fusion
from deskloop.features.sentence import Encoder
from deskloop.features.signals import Matcher
from deskloop.records import KnowledgeEntry, Source

if TYPE_CHECKING:
    import pandas as pd

UNTOLD = "und"  # the language of a text that does not tell
FEWEST = 3  # entries of a language before a question in it is answered from them alone: one may be a mistake
MOST_AT_ONCE = 64  # queries scored together: bounds memory


@dataclass(frozen=True)
class SearchIndex:
    """Entries, what matches queries against them, and the weights (s,) of the signals. Safe for threads."""

    entries: tuple[KnowledgeEntry, ...]
    matcher: Matcher
    weights: NDArray[np.float32]
    encoder: Encoder

    @classmethod
    def build(
        cls,
        entries: Sequence[KnowledgeEntry],
        encoder: Encoder,
        examples: Mapping[str, Sequence[str]] | None = None,
        tune: Sequence[tuple[str, str]] | None = None,
    ) -> SearchIndex:
        """Index `entries`.

        `examples`: entry id to questions that it answered (of the training split). `tune`: (question, entry
        id) pairs that are in no example (of the validation split), to learn the weights from. Ids that are
        not among the entries are ignored. Raises BadInput if there is no entry.
        """
        if not entries:
            raise BadInput("the knowledge base is empty: nothing to search; check the knowledge sources")
        known = {entry.id: list((examples or {}).get(entry.id, ())) for entry in entries}
        matcher = Matcher.build([(e.question, e.answer, known[e.id]) for e in entries], encoder)
        weights = fusion.WITH_EXAMPLES if matcher.model is not None else fusion.PLAIN
        index = cls(tuple(entries), matcher, weights, encoder)
        return index.tuned(tune) if tune else index

    @classmethod
    def from_frames(cls, knowledge: pd.DataFrame, messages: pd.DataFrame, encoder: Encoder) -> SearchIndex:
        """Index a knowledge table with the messages (see the records) whose `knowledge_id` is known.

        Training messages become examples, validation messages tune the weights, test messages are not read.
        """
        rows = knowledge.astype(object).where(knowledge.notna(), None).to_dict("records")
        entries = [KnowledgeEntry.model_validate(row) for row in rows]
        asked = messages[messages["knowledge_id"].notna()]
        train, held = asked[asked["split"] == "train"], asked[asked["split"] == "validation"]
        examples = {str(entry): texts.tolist() for entry, texts in train.groupby("knowledge_id")["text"]}
        tune = list(zip(held["text"], held["knowledge_id"], strict=True))
        return cls.build(entries, encoder, examples, tune)

    def tuned(self, questions: Sequence[tuple[str, str]]) -> SearchIndex:
        """The same index with weights learnt from (question, entry id) pairs that it has not seen."""
        place = {entry.id: i for i, entry in enumerate(self.entries)}
        known = [(text, place[entry]) for text, entry in questions if entry in place]
        if not known or self.matcher.near is not None:  # every signal of every entry: too much for so many
            return self
        texts, gold = zip(*known, strict=True)
        vectors = self.encoder.encode(texts)
        parts = [slice(i, i + MOST_AT_ONCE) for i in range(0, len(texts), MOST_AT_ONCE)]
        learnt = [
            fusion.candidates(self.matcher.signals(texts[part], vectors[part]), np.array(gold[part]), self.weights)
            for part in parts
        ]
        return replace(self, weights=fusion.learn(learnt, self.weights))

    def search(
        self,
        query: str,
        k: int = 5,
        vector: NDArray[np.float32] | None = None,
        *,
        language: str = UNTOLD,
        source: str | None = None,
    ) -> list[Source]:
        """The `k` best entries, best first. `vector` (e,): the query's sentence vector, if known.

        Only entries of a `language`, if there are such, or of a `source`, by its name in the configuration.
        """
        vectors = None if vector is None else vector[None, :]
        return self.search_many([query], k, vectors, languages=[language], source=source)[0]

    def search_many(
        self,
        queries: Sequence[str],
        k: int = 5,
        vectors: NDArray[np.float32] | None = None,
        *,
        languages: Sequence[str] = (),
        source: str | None = None,
    ) -> list[list[Source]]:
        """`search` for many; their vectors are computed together. Scores are in [0, 1] and comparable."""
        wanted = list(languages) or [UNTOLD] * len(queries)
        found: list[list[Source]] = []
        for start in range(0, len(queries), MOST_AT_ONCE):
            part = slice(start, start + MOST_AT_ONCE)
            known = self.encoder.encode(queries[part]) if vectors is None else vectors[part]
            scores = self.matcher.scores(queries[part], known, self.weights)
            masks = (self._fitting(language, source) for language in wanted[part])
            found += [self._best(row, k, mask) for row, mask in zip(scores, masks, strict=True)]
        return found

    def words(self, entry: str) -> list[str]:
        """All words of an entry and of the questions that it answered."""
        place = next(i for i, known in enumerate(self.entries) if known.id == entry)
        return self.matcher.bm25.words(place)

    def _fitting(self, language: str, source: str | None) -> NDArray[np.bool_] | None:
        """Which entries (n,) may be found; None for all. An entry in no language that can be told fits each."""
        told = self._languages == language
        mask = None
        if language != UNTOLD and told.sum() >= FEWEST:
            mask = told | (self._languages == UNTOLD)
        if source is not None:
            of_source = self._sources == source
            mask = of_source if mask is None else mask & of_source
        return mask

    @cached_property
    def _languages(self) -> NDArray[np.str_]:
        return np.array([entry.language for entry in self.entries])

    @cached_property
    def _sources(self) -> NDArray[np.str_]:
        return np.array([entry.source for entry in self.entries])

    def save(self, folder: Path) -> None:
        """Write JSON, npy and safetensors. The encoder is not part of it."""
        folder.mkdir(parents=True, exist_ok=True)
        self.matcher.save(folder)
        rows = [entry.model_dump(mode="json") for entry in self.entries]
        (folder / "entries.json").write_text(json.dumps(rows, ensure_ascii=False, indent=1), "utf-8")
        weights = dict(zip(fusion.SIGNALS, self.weights.tolist(), strict=True))
        (folder / "weights.json").write_text(json.dumps(weights, indent=1), "utf-8")

    @classmethod
    def load(cls, folder: Path, encoder: Encoder) -> SearchIndex:
        """Read what `save` wrote. `encoder` must be the one it was built with."""
        entries = tuple(KnowledgeEntry(**row) for row in json.loads((folder / "entries.json").read_bytes()))
        weights = json.loads((folder / "weights.json").read_bytes())
        order = np.array([weights[name] for name in fusion.SIGNALS], np.float32)
        return cls(entries, Matcher.load(folder), order, encoder)

    def _best(self, scores: NDArray[np.float32], k: int, mask: NDArray[np.bool_] | None) -> list[Source]:
        if mask is not None:
            scores = np.where(mask, scores, -np.inf)
            k = min(k, int(mask.sum()))
        likely = np.argpartition(-scores, k)[:k] if k < len(scores) else np.arange(len(scores))
        order = sorted(likely.tolist(), key=lambda i: (-float(scores[i]), i))
        return [_source(self.entries[i], float(scores[i])) for i in order]


def _source(entry: KnowledgeEntry, score: float) -> Source:
    return Source(id=entry.id, question=entry.question, answer=entry.answer, url=entry.url, score=score)
