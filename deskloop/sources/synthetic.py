"""Messages grown from the labelled messages of another source: slots, paraphrase, greetings, casing, typos.

Needs no key and no network, unless a language model's server is to rewrite (rewriting.py); code-switching and
hard negatives are in mixing.py. Every row says that it is synthetic and which row it grew from, and the same seed
gives the same rows. It grows what the customer asks, not the "hi" before it. What it cannot do is add meaning: it
makes a classifier steadier, not wiser.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from deskloop import cleaning
from deskloop.errors import BadInput
from deskloop.origins import AnySource, SyntheticSource
from deskloop.records import OUT_OF_SCOPE, Conversation, Turn
from deskloop.settings import Settings
from deskloop.sources import journal, mixing, rewriting
from deskloop.sources.batch import Batch, Builder, digest
from deskloop.sources.phrases import CLOSINGS, GREETINGS, PARAPHRASES, SLOTS, Maker
from deskloop.text.email import clean_reply
from deskloop.text.normalise import normalise
from deskloop.text.pii import Redactor

_NEIGHBOURS = {
    "a": "sqz", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo", "j": "hk",
    "k": "jl", "l": "k", "m": "n", "n": "bm", "o": "ip", "p": "o", "q": "wa", "r": "et", "s": "ad", "t": "ry",
    "u": "yi", "v": "cb", "w": "qe", "x": "zc", "y": "tu", "z": "x",
}  # fmt: skip
_WORD = re.compile(r"(?<![\w<@/.-])[A-Za-z]{4,}(?![\w>@/-])")
_GREETING = re.compile(
    r"^(?:hi|hello|hey|hallo|good (?:morning|afternoon|evening)|dear)\b[^,.!\n]{0,20}[,.!\n]\s*", re.I
)
_TRIES = 8


@dataclass(frozen=True)
class Core:
    """What is grown of a labelled conversation: the customer's question and the answer to it."""

    conversation: Conversation
    opening: str
    reply: str

    @property
    def id(self) -> str:
        """The conversation's."""
        return self.conversation.id


def read(source: SyntheticSource, settings: Settings) -> Batch:
    """Grow `per_core` messages from each labelled real conversation of the source named by `grow`."""
    cores = _cores(source, settings)
    if not cores:
        raise BadInput(
            f"source {source.name}: {source.grow!r} has no labelled messages to grow; add labels or remove it"
        )
    builder = Builder(source.name)
    variants = _variants(source, settings, cores)
    for core in cores:
        for number, (text, reply) in enumerate(variants[core.id], 1):
            _add(builder, core, str(number), text, reply)
        seed = f"{source.seed}:{core.id}"
        if mixed := mixing.switched(core.opening, source.code_switch, seed):
            _add(builder, core, "mixed", mixed, core.reply)
        if core.conversation.intent != OUT_OF_SCOPE:
            for number, text in enumerate(mixing.lookalikes(core.opening, source.hard_negatives, seed), 1):
                _add_negative(builder, core, f"not-{number}", text)
    return builder.batch(source.grow)


def fingerprint(source: SyntheticSource, settings: Settings) -> str:
    """Digest of the grown source and of how it is grown; of what the server wrote, where one rewrites."""
    from deskloop import sources

    grown = sources.fingerprint(_grown(source, settings), settings)
    if source.url:
        texts = _redacted(_cores(source, settings), settings)
        grown += journal.fingerprint(source, settings, rewriting.pages(source, settings, texts))
    return digest([source.model_dump(mode="json"), grown])


def _cores(source: SyntheticSource, settings: Settings) -> list[Core]:
    """Labelled real conversations in which something is asked, as cleaning will find it."""
    from deskloop import sources

    found = sources.read(_grown(source, settings), settings).conversations
    asked = ((c, _asked(c, settings)) for c in found if c.intent and not c.synthetic)
    return [Core(c, opening, reply) for c, (opening, reply) in asked if opening]


def _asked(conversation: Conversation, settings: Settings) -> tuple[str, str]:
    """The customer's question and the answer to it; two empty strings where nothing is asked."""
    mail = conversation.channel == "email"
    own = (t.model_copy(update={"text": clean_reply(t.text) if mail else t.text}) for t in conversation.turns)
    turns = [t for t in own if t.role != "bot" and t.text.strip()]
    found = cleaning.opening(turns, settings.preprocess.min_words)
    return (found[0], found[2]) if found else ("", "")


def _variants(source: SyntheticSource, settings: Settings, cores: list[Core]) -> dict[str, list[tuple[str, str]]]:
    """Texts, each with its reply, by the core's id."""
    if source.url:
        found = rewriting.rewritten(source, settings, _redacted(cores, settings))
        return {core.id: [(text, core.reply) for text in found.get(core.id, [])] for core in cores}
    return {core.id: grown(core.opening, core.reply, source.per_core, f"{source.seed}:{core.id}") for core in cores}


def _redacted(cores: list[Core], settings: Settings) -> dict[str, str]:
    """Openings as they may leave this machine, by the core's id."""
    own = settings.preprocess.own_addresses
    return {core.id: Redactor(core.conversation.names, own).redact(normalise(core.opening)) for core in cores}


def grow(text: str, count: int, seed: str) -> list[str]:
    """At most `count` different variants of `text`, none equal to it but for case; the same seed, the same list."""
    return [variant for variant, _ in grown(text, "", count, seed)]


def grown(text: str, reply: str, count: int, seed: str) -> list[tuple[str, str]]:
    """Variants of `text`, each with the `reply` that fits it: one order has one number in both."""
    chance = random.Random(seed)  # noqa: S311
    found: dict[str, tuple[str, str]] = {" ".join(text.lower().split()): ("", "")}
    for _ in range(count * _TRIES):
        if len(found) > count:
            break
        variant, fitting = _varied(text, reply, chance)
        found.setdefault(" ".join(variant.lower().split()), (variant, fitting))
    return [pair for pair in found.values() if pair[0]]


def _grown(source: SyntheticSource, settings: Settings) -> AnySource:
    found = next((s for s in settings.sources if s.name == source.grow), None)
    if found is None or isinstance(found, SyntheticSource):
        raise BadInput(f"source {source.name}: grow must name a source of real messages, got {source.grow!r}")
    return found


def _add(builder: Builder, core: Core, mark: str, text: str, reply: str) -> None:
    """A grown message, answered as its core was."""
    kept = core.conversation
    turns = [Turn(role="customer", text=text, at=kept.started_at)]
    if reply:
        turns.append(Turn(role="agent", text=reply))
    _place(builder, core, mark, turns, intent=kept.intent, knowledge_url=kept.knowledge_url)


def _add_negative(builder: Builder, core: Core, mark: str, text: str) -> None:
    """Its outcome says what it is; it has neither the core's reply nor its article."""
    turns = [Turn(role="customer", text=text, at=core.conversation.started_at)]
    _place(builder, core, mark, turns, intent=OUT_OF_SCOPE, outcome="hard negative")


def _place(builder: Builder, core: Core, mark: str, turns: list[Turn], **label: Any) -> None:
    kept = core.conversation
    builder.conversation(
        f"{kept.lineage.locator}~{mark}", turns[0].text,
        id=f"{builder.source}-{core.id}-{mark}", channel=kept.channel, started_at=kept.started_at,
        turns=tuple(turns), synthetic=True, core_id=kept.core_id or core.id, names=kept.names, **label,
    )  # fmt: skip


def _varied(text: str, reply: str, chance: random.Random) -> tuple[str, str]:
    steps: list[tuple[float, Callable[[str, random.Random], str]]] = [
        (0.9, _paraphrased), (0.45, _greeted), (0.3, _closed), (0.35, _typed), (0.35, _cased), (0.25, _unpunctuated),
    ]  # fmt: skip
    chance.random()
    text, reply = _slots(text, reply, chance)
    for probability, step in steps:
        if chance.random() < probability:
            text = step(text, chance)
    return text.strip(), reply


def _slots(text: str, reply: str, chance: random.Random) -> tuple[str, str]:
    """Fill the slots anew. The reply takes over a new number; a day, name or size that it repeats stays."""
    numbers: dict[str, str] = {}
    for pattern, make in SLOTS:
        text = pattern.sub(partial(_filled, make, reply, numbers, chance), text)
    if numbers:
        known = "|".join(map(re.escape, numbers))
        reply = re.sub(rf"(?<!\d)(?:{known})(?!\d)", lambda match: numbers[match[0]], reply)
    return text, reply


def _filled(make: Maker, reply: str, numbers: dict[str, str], chance: random.Random, match: re.Match[str]) -> str:
    made = make(match, chance)
    before = match[1] if match.re.groups else ""
    value, new = match[0].removeprefix(before), made.removeprefix(before)
    if value.isdigit():
        if value in numbers.values():
            return match[0]  # an earlier slot's pattern filled it
        return before + numbers.setdefault(value, new)
    return match[0] if re.search(rf"\b{re.escape(value)}\b", reply, re.I) else made


def _paraphrased(text: str, chance: random.Random) -> str:
    """Apply up to three of the rules that fit."""
    fitting = [rule for rule in PARAPHRASES if rule[0].search(text)]
    for pattern, choices in chance.sample(fitting, min(len(fitting), chance.randint(1, 3))):
        choice = chance.choice(choices)
        text = pattern.sub(partial(_as_cased, choice), text, count=1)
    return text


def _as_cased(choice: str, match: re.Match[str]) -> str:
    filled = match.expand(choice)
    return filled[:1].upper() + filled[1:] if match[0][:1].isupper() else filled


def _greeted(text: str, chance: random.Random) -> str:
    bare = _GREETING.sub("", text)
    if bare != text and chance.random() < 0.5:
        return bare[:1].upper() + bare[1:]
    return f"{chance.choice(GREETINGS)} {bare}"


def _closed(text: str, chance: random.Random) -> str:
    return f"{text.rstrip()} {chance.choice(CLOSINGS)}"


def _cased(text: str, chance: random.Random) -> str:
    if chance.random() < 0.12:
        return text.upper() if "<" not in text and "http" not in text else text
    return text.lower() if "http" not in text else text[:1].lower() + text[1:]


def _unpunctuated(text: str, chance: random.Random) -> str:
    return re.sub(r"[?!.]+$", chance.choice(["", "", "??", "..."]), re.sub(r",(?=\s)|'(?=[a-z])", "", text))


def _typed(text: str, chance: random.Random) -> str:
    """One or two typing errors of the usual kinds (Damerau 1964): swap, drop, double, neighbouring key."""
    words = list(_WORD.finditer(text))
    for match in sorted(chance.sample(words, min(len(words), chance.randint(1, 2))), key=lambda m: -m.start()):
        text = text[: match.start()] + _misspelt(match[0], chance) + text[match.end() :]
    return text


def _misspelt(word: str, chance: random.Random) -> str:
    at = chance.randrange(1, len(word) - 1)
    kind = chance.randrange(4)
    if kind == 0:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind == 1:
        return word[:at] + word[at + 1 :]
    if kind == 2:
        return word[:at] + word[at] + word[at:]
    return word[:at] + chance.choice(_NEIGHBOURS.get(word[at].lower(), word[at])) + word[at + 1 :]
