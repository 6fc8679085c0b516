"""One conversation made clean: own words only, one spelling, nothing personal. Says why where it is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass

from deskloop.records import Conversation, Lineage, Turn
from deskloop.settings import Settings
from deskloop.text.email import clean_reply
from deskloop.text.language import detect
from deskloop.text.normalise import normalise
from deskloop.text.pii import Redactor
from deskloop.text.spam import is_spam
from deskloop.text.tokens import words

_SMALLTALK = frozenset(
    "hi hello hey hallo hoi bonjour good morning afternoon evening day there team guys dear sir madam support thanks "
    "thank you ok okay yes no how are help please is anyone anybody someone here a can i ask question quick".split()
)
_JOINTS = re.compile(r"[_-]+(?=[^\W\d_])|(?<=[^\W\d_])[_-]+")  # digits keep theirs: an order number stays one
_GREETED_NAME = re.compile(r"^((?:hi|hello|hey|dear|beste|hallo|bonjour)),?\s+<PERSON_\d+>", re.I)


@dataclass(frozen=True)
class Clean:
    """A clean conversation and the turns that a message is made of."""

    conversation: Conversation
    opening: str
    previous: str
    reply: str


def clean(conversation: Conversation, settings: Settings, public: tuple[str, ...]) -> Clean | str:
    """Clean a conversation, or the reason why it is set aside. `public` stays as it is in the text."""
    redactor = Redactor(conversation.names, public, settings.preprocess.ner)
    turns: list[Turn] = []
    for turn in conversation.turns:
        if turn.role == "bot":
            continue
        text = normalise(clean_reply(turn.text) if conversation.channel == "email" else turn.text)
        if text:
            turns.append(turn.model_copy(update={"text": _addressed(turn.role, redactor.redact(text))}))
    asked = " ".join(t.text for t in turns if t.role == "customer")
    if not asked:
        return "empty after cleaning"
    if is_spam(asked):
        return "spam"
    language = detect(asked)
    if settings.shop.policy(language) == "set_aside":
        return f"language:{language}"
    found = opening(turns, settings.preprocess.min_words)
    if found is None:
        return "too short"
    told = {"turns": tuple(turns), "language": language, "names": (), "lineage": _lineage(conversation, redactor)}
    kept = conversation.model_copy(update=told)
    return Clean(kept, *found)


def _lineage(conversation: Conversation, redactor: Redactor) -> Lineage:
    """Where it was read, with nobody's name left in those of its files."""
    lineage = conversation.lineage
    if not lineage.attachments:
        return lineage
    files = (file.model_copy(update={"name": file_name(file.name, redactor)}) for file in lineage.attachments)
    return lineage.model_copy(update={"attachments": tuple(files)})


def file_name(name: str, redactor: Redactor) -> str:
    """A file's name as a text that can be redacted: `Invoice_Anna-Smit.pdf` becomes `Invoice <PERSON_1>.pdf`."""
    stem, dot, ending = name.rpartition(".")
    return redactor.redact(_JOINTS.sub(" ", stem or ending)) + (dot + ending if stem else "")


def _addressed(role: str, text: str) -> str:
    """An agent's greeting keeps no placeholder: a bot that learns from it should not say one."""
    return _GREETED_NAME.sub(r"\1", text) if role == "agent" else text


def opening(turns: list[Turn], min_words: int) -> tuple[str, str, str] | None:
    """(question, turn before, reply): the customer's first turns that say something, and the answer to them."""
    for at, turn in enumerate(turns):
        if turn.role != "customer" or not _says_something(turn.text, min_words):
            continue
        end = at
        while end + 1 < len(turns) and turns[end + 1].role == "customer":
            end += 1
        text = "\n".join(t.text for t in turns[at : end + 1])
        return text, turns[at - 1].text if at else "", _reply(turns[end + 1 :])
    return None


def _says_something(text: str, min_words: int) -> bool:
    tokens = words(text)
    return len(tokens) >= min_words and any(t not in _SMALLTALK for t in tokens)


def _reply(turns: list[Turn]) -> str:
    """The agent's turns up to the customer's next, a bare greeting left out."""
    said: list[str] = []
    for turn in turns:
        if turn.role == "customer" and said:
            break
        if turn.role == "agent" and any(t not in _SMALLTALK for t in words(turn.text)):
            said.append(turn.text)
    return "\n".join(said)
