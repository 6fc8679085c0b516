"""The last turn of a conversation: what is asked, and whether that leans on the turn before.

Works on text alone; knows nothing about search or models.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from deskloop import smalltalk
from deskloop.facts import content_words

Message = Mapping[str, str]
SHORT = 6  # words up to which a question may lean on the one before
_FOLLOWS = re.compile(
    r"^\W*(and|but|or|also|what about|how about|what if|even|then|same|is that|does that|is it|does it|"
    r"how long does that|how much is that|why|what does that)\b",
    re.I,
)
_MEASURES = frozenset({"much", "many", "long", "often", "far", "take", "takes"})  # ask for more of the same
FEW_WORDS = 1000
_INNER_NAME = re.compile(r"(?<![.!?:,]\s)(?<!^)(?<!\n)\b([A-Z][a-z]{2,}(?:[A-Z][a-z]+)*)\b")
_OWN_NAME = re.compile(
    r"\b(?i:i am|i'm|my name is|name is|this is|dear|hello|hi|regards|greetings|thanks|mr|mrs|ms|dr)\b[.,]?\s+"
    r"(?:[A-Z]\w+\s*){1,3}"
)
# placeholders of redacted text and their raw forms; names are left out, since raw text does not show them
_PARTICULAR = re.compile(
    r"<(?!PERSON)[A-Z_]+_\d+>|[\w.+-]+@\w|\b[A-Z]{2,}-?\d{4,}\b|\b\d{6,}\b|\b\d(?:[ -]?\d){11,}\b|"
    r"\+\d{2}[\d ]{7,}|\b0\d{2,3}[ -]\d{5,}"
)


def question(messages: Sequence[Message]) -> str:
    """What the customer said last."""
    return next((m["content"] for m in reversed(messages) if m["role"] == "user"), "").strip()


def previous(messages: Sequence[Message]) -> str:
    """What the customer said before that, small talk left out; empty if nothing."""
    before = [m["content"].strip() for m in messages if m["role"] == "user"][:-1]
    return next((text for text in reversed(before) if not smalltalk.kind(text)), "")


def leans(asked: str) -> bool:
    """May this be a follow-up ("and to Germany?") that means nothing without the turn before?"""
    return len(asked.split()) <= SHORT or bool(_FOLLOWS.match(asked))


def adds_nothing_unknown(asked: str, told: Iterable[str]) -> bool:
    """Does the entry, as `told`, speak of all that a follow-up adds?

    If not ("and to Mars?"), the entry of the turn before is no answer to it.
    """
    known = content_words(" ".join(told))
    return all(any(w[:4] == k[:4] for k in known) for w in content_words(asked) - _MEASURES)


def strange_names(text: str, vocabulary: Collection[str]) -> list[str]:
    """Capitalised words inside a sentence that neither the knowledge nor any earlier customer has used.

    Who asks for another shop's account names it. People's own names are left out where they introduce themselves
    or close a letter; a small vocabulary has seen too little to call a name strange.
    """
    if len(vocabulary) < FEW_WORDS:
        return []
    return [m[1] for m in _INNER_NAME.finditer(_OWN_NAME.sub(" ", text)) if m[1].lower() not in vocabulary]


def particular(text: str) -> bool:
    """Does it name an order, address or number of the customer's own?"""
    return bool(_PARTICULAR.search(text))
