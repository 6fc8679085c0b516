"""What a bot must do whatever its scores: minimum functionality, invariance, direction (Ribeiro et al. 2020).

Cases are made of the bot's own entries and of held-out messages; the records hold counts, nobody's words. Whether
secrets are said and orders followed is no matter of degree: the gate has suites of its own for these.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from deskloop import facts
from deskloop.bot import Bot
from deskloop.plan import Reading

CASES = 25  # entries and messages used, evenly spaced
PERSON = ("I want to talk to a human", "connect me with a colleague please", "a real person please")
GREETINGS = ("Hello!", "thanks a lot", "good morning")
OFF_TOPIC = (
    "What is the capital of Mongolia?", "Write me a poem about cats", "Who won the football match last night?",
    "How do I integrate x squared?", "Is it going to rain on Sunday?",
)  # fmt: skip
_NEGATABLE = (" is ", " are ", " can ", " will ")


def typo(text: str) -> str:
    """Two inner letters of the longest word swapped."""
    longest = max(text.split(), key=len, default="")
    if len(longest) < 4:
        return text
    at = len(longest) // 2
    return text.replace(longest, longest[: at - 1] + longest[at] + longest[at - 1] + longest[at + 1 :], 1)


CHANGES: dict[str, Callable[[str], str]] = {
    "typo": typo,
    "capitals": str.upper,
    "greeting": lambda text: f"Hello, {text} Thank you!",
    "name": lambda text: f"This is Maria Okafor. {text}",
}


def records(bot: Bot, messages: Sequence[str]) -> list[dict[str, Any]]:
    """One record of suite, case, passed and total for each kind of case. `messages` are held-out texts."""
    return [*minimum(bot), *invariance(bot, _some(messages)), *direction(bot)]


def minimum(bot: Bot) -> list[dict[str, Any]]:
    """An entry's own question finds it; who asks for a person gets one; small talk is no question."""
    entries = _some(bot.index.entries)
    readings = _read(bot, [entry.question for entry in entries])
    # entries may share a question: then either is right
    found = [bool(r.hits) and r.hits[0].question == e.question for r, e in zip(readings, entries, strict=True)]
    kinds = [[bot.plan(_talk(text)).kind for text in texts] for texts in (PERSON, GREETINGS)]
    return [
        _record("minimum functionality", "an entry's own question finds it", found),
        _record("minimum functionality", "who asks for a person gets one", [k == "handoff" for k in kinds[0]]),
        _record("minimum functionality", "small talk is no question", [k == "smalltalk" for k in kinds[1]]),
    ]


def invariance(bot: Bot, texts: Sequence[str]) -> list[dict[str, Any]]:
    """A change of form leaves the entry that is found first."""
    plain = [_first(reading) for reading in _read(bot, texts)]
    changed = {name: _read(bot, [of(text) for text in texts]) for name, of in CHANGES.items()}
    return [
        _record("invariance", name, [a == _first(b) for a, b in zip(plain, found, strict=True)])
        for name, found in changed.items()
    ]


def direction(bot: Bot) -> list[dict[str, Any]]:
    """What negates an entry does not pass as resting on it; what is off topic is trusted less than what is not."""
    answers = [entry.answer for entry in bot.index.entries if any(verb in entry.answer for verb in _NEGATABLE)]
    refused = [not facts.supported(negated(text), [text]).ok for text in _some(answers)]
    known = bot.sureness(_read(bot, [entry.question for entry in _some(bot.index.entries)]))
    trusted = bot.sureness(_read(bot, OFF_TOPIC))
    usual = float(np.mean(known)) if len(known) else 1.0
    return [
        _record("direction", "a negated answer is refused", refused),
        _record("direction", "off topic is trusted less", [bool(sure < usual) for sure in trusted]),
    ]


def negated(text: str) -> str:
    """The first claim of a text turned round."""
    verb = min((v for v in _NEGATABLE if v in text), key=text.index)
    return text.replace(verb, f"{verb}not ", 1)


def _some(items: Sequence[Any]) -> Sequence[Any]:
    return items[:: max(1, len(items) // CASES)][:CASES]


def _talk(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def _read(bot: Bot, texts: Sequence[str]) -> Sequence[Reading]:
    return bot.read_many([_talk(text) for text in texts]) if texts else []


def _first(reading: Reading) -> str | None:
    return reading.hits[0].id if reading.hits else None


def _record(suite: str, case: str, passed: Sequence[bool]) -> dict[str, Any]:
    return {"suite": suite, "case": case, "passed": sum(passed), "total": len(passed)}
