"""From a message to an Answer: understand, search, decide, write, verify, or hand over to a person.

An approved answer is the floor: what the generator writes is shown only where every fact of it stands in
the sources; otherwise the entry's own words are shown. Knows nothing about HTTP or storage.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from deskloop import courtesy, smalltalk, turns, usual
from deskloop.confidence import OFFERED, SIGNALS, Confidence
from deskloop.features.index import SearchIndex
from deskloop.generator import prompt
from deskloop.generator.engines import Engine
from deskloop.grounds import clean, holding, own_words, same_question, sentences, texts
from deskloop.intents import IntentModel, Prediction
from deskloop.plan import EITHER, MOST_OFFERED, OPEN, STRANGE, UNSURE, Last, Plan, Reading
from deskloop.records import OUT_OF_SCOPE, Answer, Source
from deskloop.settings import Settings
from deskloop.text import language
from deskloop.turns import Message

MAX_TOKENS = 90
FOUND = 10
USED_SOURCES = 2
_PIECE = re.compile(r"\S+\s*")


@dataclass(frozen=True)
class Bot:
    """One bundle, ready to answer. Safe to use from several threads."""

    index: SearchIndex
    intents: IntentModel | None
    engine: Engine | None
    confidence: Confidence
    agreement: Mapping[str, Mapping[str, float]]
    policy: str
    settings: Settings
    version: str = ""
    likely: float = 0.0  # weight of the classifier's word on the entries, see `usual.ranked`
    temperature: float = 1.0  # of the classifier's word and the entries' on the intent, see `usual.blended`
    fullness: float = 0.0  # share of the entry's words that a written answer must say, see `grounds.holding`
    manner: frozenset[str] = frozenset()  # what the team adds to an entry, see `grounds.manner`

    @classmethod
    def load(cls, bundle: Path, settings: Settings) -> Bot:
        """Load a bundle folder. Raises CorruptBundle if a file is missing or changed."""
        from deskloop.features.sentence import SentenceEncoder
        from deskloop.generator.engines import load_engine
        from deskloop.store import verify_manifest

        manifest = verify_manifest(bundle)
        encoder = SentenceEncoder.load(bundle / "encoder")
        thresholds = json.loads((bundle / "thresholds.json").read_bytes())
        return cls(
            index=SearchIndex.load(bundle / "index", encoder),
            intents=IntentModel.load(bundle / "intents", encoder) if (bundle / "intents").is_dir() else None,
            engine=load_engine(bundle / "generator-int8", settings),
            confidence=Confidence.from_dict(thresholds["confidence"]),
            agreement=thresholds["agreement"],
            policy=thresholds["policy"],
            settings=settings,
            version=str(manifest.get("version", "")),
            likely=thresholds.get("likely", 0.0),
            temperature=thresholds.get("temperature", 1.0),
            fullness=thresholds.get("fullness", 0.0),
            manner=frozenset(thresholds.get("manner", ())),
        )

    def answer(self, messages: Sequence[Message]) -> Answer:
        """Answer the last message of a conversation [{"role", "content"}, ...]."""
        *_, last = self.stream(messages)
        assert isinstance(last, Answer)
        return last

    def stream(self, messages: Sequence[Message]) -> Iterator[str | Answer]:
        """Pieces of text, each sentence once it is verified, then the whole Answer. None is ever taken back."""
        began = time.perf_counter()
        plan, shown = self.plan(messages), ""
        if plan.kind == "generate" and self.engine is not None:
            for sentence in self._holding(self.engine.stream(self.compose(plan, messages), MAX_TOKENS), plan):
                yield from _PIECE.findall(sentence)
                shown += sentence
        answer = self._answered(plan, shown.strip())
        if not shown:
            yield from _PIECE.findall(answer.text)
        yield answer.model_copy(update={"latency_ms": (time.perf_counter() - began) * 1000})

    def finish(self, plan: Plan, written: str = "") -> Answer:
        """The answer to a plan: what was `written` as far as it holds, else the entry's own words or a fixed text."""
        held = self._holding([written], plan) if plan.kind == "generate" else ()
        return self._answered(plan, "".join(held).strip())

    def _answered(self, plan: Plan, text: str) -> Answer:
        kind, sources = plan.kind, plan.sources
        if kind == "handoff":
            text = courtesy.handover(self.settings.shop, plan.reason)
        elif kind == "clarify":
            text = courtesy.ASKED_BACK
        elif kind == "smalltalk":
            text = smalltalk.REPLIES[plan.reason or "greeting"]
        elif kind == "generate" and text:
            sources = sources[:1]
        elif plan.both:
            text = courtesy.both(sources)
        else:
            kind, text, sources = "retrieve", own_words(plan.question, sources[0]), sources[:1]
        return Answer(
            text=text,
            kind=kind,
            intent=None if kind == "smalltalk" else plan.intent,
            confidence=plan.confidence,
            scope=plan.scope,
            sources=sources,
            suggestions=plan.offered,
            reason=plan.reason,
            model=self.version,
        )

    def _holding(self, pieces: Iterable[str], plan: Plan) -> Iterator[str]:
        """Confidence speaks of the plan's first source alone; the others must not slip in."""
        shop, source = self.settings.shop.name, plan.sources[0]
        return holding(sentences(pieces), source, plan.question, shop, self.manner, self.fullness)

    def plan(self, messages: Sequence[Message]) -> Plan:
        """Decide what to do with the last message."""
        return self.plan_many([messages])[0]

    def plan_many(self, batch: Sequence[Sequence[Message]]) -> list[Plan]:
        """Decide for the last message of each conversation; encodes them together."""
        lasts = [self._last(messages) for messages in batch]
        plans = self.plans(self._read_talks(batch, lasts))
        return [self._after(last, plan) for last, plan in zip(lasts, plans, strict=True)]

    def _last(self, messages: Sequence[Message]) -> Last:
        """The plan of what the customer said before, found when first asked for, and once.

        Each rests on the one before it: found twice a turn, a talk of n turns would take 2^n.
        """
        before = turns.before(messages)
        return cache(lambda: self.plan(before) if before else None)

    def _after(self, last_plan: Last, plan: Plan) -> Plan:
        """The plan in view of the last: a hello to who waits, an answer that did not help, pages just shown."""
        hello = plan.reason in ("greeting", "unclear")
        told = plan.shows and turns.states(plan.question)
        last = last_plan() if hello or told or plan.offered else None
        if last is None:
            return plan
        shown = [source.id for source in last.shown]
        if hello:
            waits = last.kind == "handoff" or last.reason == "waiting"
            return replace(plan, reason="waiting") if waits else plan
        if told and plan.sources[0].id in shown[:1] and not same_question(plan.question, plan.sources[0]):
            return replace(plan, kind="handoff", reason=courtesy.TOLD, sources=(), both=False)
        return replace(plan, offered=tuple(entry for entry in plan.offered if entry.id not in shown))

    def _asked(self, messages: Sequence[Message], last_plan: Last) -> str:
        """What the customer said last; the question that is meant, if one of those just offered is chosen."""
        asked = turns.question(messages)
        last = last_plan() if turns.choice(asked, MOST_OFFERED) is not None else None
        offered = (last.offered or (last.sources if last.both else ())) if last else ()
        chosen = turns.choice(asked, len(offered))
        return asked if chosen is None else offered[chosen].question

    def plans(self, readings: Sequence[Reading]) -> list[Plan]:
        """Decide for messages that were read before."""
        return [self._decide(r, sure) for r, sure in zip(readings, self.sureness(readings), strict=True)]

    def read_many(self, batch: Sequence[Sequence[Message]]) -> list[Reading]:
        """What the last message of each conversation means, and what search finds for it."""
        return self._read_talks(batch, [self._last(messages) for messages in batch])

    def _read_talks(self, batch: Sequence[Sequence[Message]], lasts: Sequence[Last]) -> list[Reading]:
        """`read_many`, with the plan before each.

        A message that may lean on the turn before is read alone and together with it; the surer reading counts,
        but the second only where its entry speaks of all that the message adds. If not, an ellipsis says too little.
        """
        talks = [(self._asked(talk, last), turns.previous(talk)) for talk, last in zip(batch, lasts, strict=True)]
        readings = self._read(talks)
        leaning = [i for i, (asked, before) in enumerate(talks) if before and turns.leans(asked)]
        joined = self._read([(f"{talks[i][1]} {talks[i][0]}", "") for i in leaning])
        for i, whole in zip(leaning, joined, strict=True):
            alone, asked = readings[i], talks[i][0]
            surer = self.sureness([whole])[0] > self.sureness([alone])[0]
            if surer and whole.hits and self._speaks_of(whole.hits[0], asked):
                readings[i] = replace(whole, question=asked)
            elif surer and turns.elliptical(asked):
                readings[i] = replace(alone, broken=True)
        return readings

    def _speaks_of(self, entry: Source, asked: str) -> bool:
        return turns.adds_nothing_unknown(asked, texts([entry]), self.index.words(entry.id))

    def sureness(self, readings: Sequence[Reading]) -> list[float]:
        """Calibrated probability, for each, that the first entry found answers it."""
        return self.confidence.of([r.signals for r in readings]).tolist() if readings else []

    def _read(self, talks: Sequence[tuple[str, str]]) -> list[Reading]:
        """Readings of (question, the turn before), each question searched as it stands."""
        questions, previous = [q for q, _ in talks], [p for _, p in talks]
        languages = [language.detect(q) for q in questions]
        hits = self.index.search_many(questions, FOUND, languages=languages) if questions else []
        found = [clean(some) for some in hits]
        read = self._predict(questions, previous, found)
        return [
            Reading(
                question, prediction, tuple(hits), self._signals(question, hits, prediction), _open(question, hits)
            )
            for question, (prediction, hits) in zip(questions, read, strict=True)
        ]

    def _signals(self, question: str, hits: Sequence[Source], prediction: Prediction) -> tuple[float, ...]:
        """What the confidence rests on, in the order of `confidence.SIGNALS`."""
        if not hits:
            return (0.0,) * len(SIGNALS)
        margin = hits[0].score - (hits[1].score if len(hits) > 1 else 0.0)
        agreed = self.agreement.get(hits[0].id, {}).get(prediction.intent, 0.0)
        particular = float(turns.particular(question))
        return (hits[0].score, margin, prediction.confidence, prediction.scope, agreed, particular)

    def without(self, reading: Reading, entry: str) -> tuple[float, ...]:
        """The signals that the reading would have if the knowledge lacked `entry`."""
        left = [hit for hit in reading.hits if hit.id != entry]
        return self._signals(reading.question, left, reading.prediction)

    def compose(self, plan: Plan, messages: Sequence[Message]) -> list[dict[str, str]]:
        """The generator's prompt: the best entries and the conversation."""
        return prompt.messages(self.settings.shop.name, list(plan.sources), list(messages))

    def close(self) -> None:
        """Free what the engine holds."""
        close = getattr(self.engine, "close", None)
        if close:
            close()

    def _predict(
        self, questions: list[str], previous: list[str], found: list[list[Source]]
    ) -> list[tuple[Prediction, list[Source]]]:
        """Intents, with what the found entries usually answer as a second opinion; entries the other way round."""
        if self.intents is None or not questions:
            return [(Prediction(intent="", confidence=0.0, scope=1.0), hits) for hits in found]
        labels = self.intents.labels
        shares, scope = self.intents.scores(questions, previous)
        out = []
        for share, known, hits in zip(shares, scope, found, strict=True):
            row = usual.blended(share, labels, hits, self.agreement, self.temperature)
            intent = labels[int(row.argmax())]
            told = Prediction(intent=intent, confidence=min(1.0, float(row.max())), scope=float(known))
            out.append((told, usual.ranked(hits, share, labels, self.agreement, self.likely)))
        return out

    def _decide(self, reading: Reading, confidence: float) -> Plan:
        question, prediction, hits = reading.question, reading.prediction, reading.hits
        intent = prediction.intent or None

        def plan(
            kind: str, reason: str | None = None, sources: Sequence[Source] = (), sure: float = prediction.confidence
        ) -> Plan:
            return Plan(kind, question, intent, sure, prediction.scope, tuple(sources), reason, reason == EITHER)

        if small := smalltalk.kind(question):
            return plan("smalltalk", small, sure=1.0)
        if reason := courtesy.must_pass_on(question) or courtesy.foreign(self.settings.shop, question):
            return plan("handoff", reason)
        if intent in self.settings.shop.handover_intents:
            reason = courtesy.OUT_OF_SCOPE if intent == OUT_OF_SCOPE else f"{courtesy.ALWAYS}{intent}"
            return plan("handoff", reason)
        pair, of_two = self.confidence.pair, self._of_two(reading)
        alone = confidence >= self.confidence.threshold
        sure = alone or (pair is not None and len(hits) > 1 and of_two >= pair.threshold)
        offered = (reading.open or hits)[:MOST_OFFERED] if of_two >= OFFERED else ()
        if offered and (reading.open or (not sure and turns.one_word(question))):
            return replace(plan("clarify", OPEN, sure=confidence), offered=offered)
        if not hits or not sure or reading.broken:
            return replace(plan("handoff", UNSURE, sure=confidence), offered=offered)
        if strange := turns.strange_names(question, self.index.matcher.bm25.vocabulary):
            return replace(plan("handoff", f"{STRANGE}: {strange[0]}"), offered=offered)
        if not alone:
            return plan("retrieve", EITHER, hits[:2], of_two)
        kind = "retrieve" if self.policy == "retrieve" else "generate"
        return plan(kind, None, hits[:USED_SOURCES], confidence)

    def _of_two(self, reading: Reading) -> float:
        """Calibrated probability that one of the best two entries answers."""
        return float((self.confidence.pair or self.confidence).of([reading.signals])[0])


def _open(question: str, hits: Sequence[Source]) -> tuple[Source, ...]:
    return tuple(hits[i] for i in turns.open_topic(question, [hit.question for hit in hits]))
