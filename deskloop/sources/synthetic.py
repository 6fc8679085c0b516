"""Messages grown from the labelled messages of another source: slots, paraphrase, greetings, casing, typos.

Needs no key and no network, unless a language model's server is to rewrite (rewriting.py); code-switching and
hard negatives are in mixing.py. Every row says that it is synthetic and which row it grew from, and the same seed
gives the same rows. What it cannot do is add meaning: it makes a classifier steadier, not wiser.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from functools import partial

from deskloop.errors import BadInput
from deskloop.records import Conversation, Turn
from deskloop.settings import AnySource, Settings, SyntheticSource
from deskloop.sources import journal, mixing, rewriting
from deskloop.sources.batch import Batch, Builder, digest
from deskloop.sources.phrases import CLOSINGS, GREETINGS, PARAPHRASES, SLOTS, Maker
from deskloop.text.email import clean_reply
from deskloop.text.normalise import normalise
from deskloop.text.pii import Redactor

OUT_OF_SCOPE = "out_of_scope"
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
        for number, text in enumerate(variants[core.id], 1):
            _add(builder, core, str(number), text)
        seed, opening = f"{source.seed}:{core.id}", _opening(core)
        if mixed := mixing.switched(opening, source.code_switch, seed):
            _add(builder, core, "mixed", mixed)
        if core.intent != OUT_OF_SCOPE:
            for number, text in enumerate(mixing.lookalikes(opening, source.hard_negatives, seed), 1):
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


def _cores(source: SyntheticSource, settings: Settings) -> list[Conversation]:
    from deskloop import sources

    found = sources.read(_grown(source, settings), settings).conversations
    return [c for c in found if c.intent and not c.synthetic]


def _variants(source: SyntheticSource, settings: Settings, cores: list[Conversation]) -> dict[str, list[str]]:
    """Texts by the core's id."""
    if source.url:
        found = rewriting.rewritten(source, settings, _redacted(cores, settings))
        return {core.id: found.get(core.id, []) for core in cores}
    return {core.id: grow(_opening(core), source.per_core, f"{source.seed}:{core.id}") for core in cores}


def _redacted(cores: list[Conversation], settings: Settings) -> dict[str, str]:
    """Openings as they may leave this machine, by the core's id."""
    own = settings.preprocess.own_addresses
    return {core.id: Redactor(core.names, own).redact(normalise(_opening(core))) for core in cores}


def grow(text: str, count: int, seed: str) -> list[str]:
    """At most `count` different variants of `text`, none equal to it but for case; the same seed, the same list."""
    chance = random.Random(seed)  # noqa: S311
    found: dict[str, str] = {" ".join(text.lower().split()): ""}
    for _ in range(count * _TRIES):
        if len(found) > count:
            break
        variant = _varied(text, chance)
        found.setdefault(" ".join(variant.lower().split()), variant)
    return [v for v in found.values() if v]


def _grown(source: SyntheticSource, settings: Settings) -> AnySource:
    found = next((s for s in settings.sources if s.name == source.grow), None)
    if found is None or isinstance(found, SyntheticSource):
        raise BadInput(f"source {source.name}: grow must name a source of real messages, got {source.grow!r}")
    return found


def _opening(core: Conversation) -> str:
    said = next(t.text for t in core.turns if t.role == "customer" and t.text.strip())
    return clean_reply(said) or said if core.channel == "email" else said


def _add(builder: Builder, core: Conversation, mark: str, text: str) -> None:
    reply = next((t for t in core.turns if t.role == "agent" and t.text.strip()), None)
    turns = (Turn(role="customer", text=text, at=core.started_at), *([reply] if reply else []))
    builder.conversation(
        f"{core.lineage.locator}~{mark}", text,
        id=f"{builder.source}-{core.id}-{mark}", channel=core.channel, started_at=core.started_at,
        turns=turns, intent=core.intent, knowledge_url=core.knowledge_url, synthetic=True,
        core_id=core.core_id or core.id, names=core.names,
    )  # fmt: skip


def _add_negative(builder: Builder, core: Conversation, mark: str, text: str) -> None:
    """Its outcome says what it is; it has neither the core's reply nor its article."""
    builder.conversation(
        f"{core.lineage.locator}~{mark}", text,
        id=f"{builder.source}-{core.id}-{mark}", channel=core.channel, started_at=core.started_at,
        turns=(Turn(role="customer", text=text, at=core.started_at),), intent=OUT_OF_SCOPE,
        outcome="hard negative", synthetic=True, core_id=core.core_id or core.id, names=core.names,
    )  # fmt: skip


def _varied(text: str, chance: random.Random) -> str:
    steps: list[tuple[float, Callable[[str, random.Random], str]]] = [
        (1.0, _slots), (0.9, _paraphrased), (0.45, _greeted), (0.3, _closed), (0.35, _typed), (0.35, _cased),
        (0.25, _unpunctuated),
    ]  # fmt: skip
    for probability, step in steps:
        if chance.random() < probability:
            text = step(text, chance)
    return text.strip()


def _slots(text: str, chance: random.Random) -> str:
    for pattern, make in SLOTS:
        text = pattern.sub(partial(_filled, make, chance), text)
    return text


def _filled(make: Maker, chance: random.Random, match: re.Match[str]) -> str:
    return make(match, chance)


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
