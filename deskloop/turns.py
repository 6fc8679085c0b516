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
LONGER = 10  # the same for one that says "it"
LATEST = 12  # messages: what is read again to know what was answered before
TOPIC = 3  # words up to which a message may name a topic and ask nothing
_JOINING = r"and|but|or|also|even|then|same|what about|how about|what if"
_FOLLOWS = re.compile(
    rf"^\W*({_JOINING}|is that|does that|is it|does it|how long does that|how much is that|why|what does that)\b",
    re.I,
)
_LEADING = re.compile(rf"^\W*(({_JOINING}|so|ok)\W+)+", re.I)
_ASKING = r"how|what|when|where|who|whom|whose|which|why|can|could|will|would|should|shall|may|must|want|need|please"
_DOING = r"do|does|did|is|are|was|were|has|have|had|am|i|you|we"
_ASKS = re.compile(rf"\b({_ASKING})\b", re.I)
_SAYS = re.compile(rf"\b({_ASKING}|{_DOING})\b", re.I)
# after a yes or no: somebody or something that does or is
_STATES = re.compile(
    r"^\W*((yes|no|ok|okay|but|and|well|hm+|sorry|yeah|nope)\W+)*"
    r"((i|we|it|its|it's|they|he|she|that|this|there|nothing|nobody|still|already|tried|done)\b|"
    rf"(the|my|your)\b.*\b({_DOING}|not)\b)",
    re.I,
)
_POINTS = re.compile(r"\b(it|its|it's|them|they|this|that|these|those)\b", re.I)
_PLACES = {
    **dict.fromkeys(("first", "1st", "one", "1", "a"), 0),
    **dict.fromkeys(("second", "2nd", "two", "2", "b"), 1),
    **dict.fromkeys(("third", "3rd", "three", "3", "c"), 2),
    "last": -1,
}
_CHOICE = re.compile(
    r"^\W*((i|mean|meant|want|the|your|number|no|nr|option|answer|question|please)\W+)*"
    rf"(?P<place>{'|'.join(_PLACES)})(\W+(one|option|question|please|thanks))*\W*$",
    re.I,
)
_MEASURES = frozenset({"much", "many", "long", "often", "far", "take", "takes"})  # ask for more of the same
_BESIDE = frozenset(
    "a about an have hello help hey hi i info information know more my need of on please question questions "
    "regarding some the want with your".split()
)
FEW_WORDS = 1000
_WORDS = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")  # "e-bike" is one
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


def before(messages: Sequence[Message]) -> Sequence[Message]:
    """The last LATEST messages up to what the customer said before that; empty if nothing."""
    said = [i for i, m in enumerate(messages) if m["role"] == "user"][:-1]
    end = said[-1] + 1 if said else 0
    return messages[max(0, end - LATEST) : end]


def previous(messages: Sequence[Message]) -> str:
    """What the customer said before that, small talk left out; empty if nothing.

    Where that was itself a follow-up ("and if I paid by card?"), what it followed.
    """
    said = [m["content"].strip() for m in messages if m["role"] == "user"][:-1]
    told = [text for text in reversed(said) if not smalltalk.kind(text)]
    return next((text for text in told if not _FOLLOWS.match(text)), told[0] if told else "")


def leans(asked: str) -> bool:
    """May this be a follow-up ("and to Germany?") that means nothing without the turn before?"""
    words = len(_WORDS.findall(asked))
    return words <= SHORT or bool(_FOLLOWS.match(asked)) or (words <= LONGER and bool(_POINTS.search(asked)))


def elliptical(asked: str) -> bool:
    """Is it a follow-up that names something and says nothing of it ("and to Germany?", "what about tents?")?"""
    led = _LEADING.match(asked)
    return led is not None and not _SAYS.search(asked, led.end())


def states(text: str) -> bool:
    """Does it tell something and ask nothing ("yes, I tried that"), as far as single words tell?"""
    return "?" not in text and bool(_STATES.match(text)) and not _ASKS.search(text)


def choice(asked: str, offered: int) -> int | None:
    """Which of the questions `offered` is chosen by its place ("the second one", "3"); None if none is."""
    said = _CHOICE.match(asked)
    if not said or (place := _PLACES[said["place"].lower()]) >= offered or not offered:
        return None
    return place % offered


def adds_nothing_unknown(asked: str, told: Iterable[str], heard: Iterable[str] = ()) -> bool:
    """Does the entry, as `told`, speak of all that a follow-up adds, or did who `heard` it before ask in such words?

    If not ("and to Mars?"), the entry of the turn before is no answer to it.
    """
    known, asked_before = content_words(" ".join(told)), content_words(" ".join(heard))
    added = content_words(asked) - _MEASURES - asked_before
    return all(any(w[:4] == k[:4] for k in known) for w in added)


def open_topic(asked: str, questions: Sequence[str]) -> list[int]:
    """Which of the found `questions` may be meant by a message that names a topic and asks nothing ("gift card").

    The first found and those that speak of it; all, where it is a single word of none. Empty where the message asks
    something, or the first found is the same or alone speaks of it.
    """
    words = _named(asked)
    if not 0 < len(words) <= TOPIC:
        return []
    told = [_named(question) for question in questions]
    speaking = [i for i, other in enumerate(told) if _stands_in(words, other)]
    if words in told or speaking == [0] or (len(words) > 1 and len(speaking) < 2):
        return []
    return sorted({0, *speaking}) if speaking else list(range(len(told)))


def one_word(asked: str) -> bool:
    """Is it a single word, but for those that only lead to it?"""
    return len(_named(asked)) == 1


def _named(text: str) -> list[str]:
    """Words in a crude singular, without those that only lead to a topic."""
    return [word.rstrip("s") for word in _WORDS.findall(text.lower()) if word not in _BESIDE]


def _stands_in(words: Sequence[str], other: Sequence[str]) -> bool:
    return any(other[i : i + len(words)] == words for i in range(len(other) - len(words) + 1))


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
