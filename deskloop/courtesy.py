"""What needs no search: a wish for a person, danger, misuse, legal steps, and orders given to the bot.

Works on the last message alone; knows nothing about models. The patterns are English; other languages are left
to the classifier.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from deskloop.records import Source
from deskloop.settings import Shop
from deskloop.text.commands import commanding
from deskloop.text.language import called, detect

PERSON = "asked for a person"
PERSONAL = "asks for personal data"
CASE = "names an order or case, and nothing else"
TOLD = "was told this already, and it did not help"
UNSAFE = "somebody may be in danger"
MISUSED = "account or payment may be misused"
LEGAL = "speaks of legal steps"
URGENT = (UNSAFE, MISUSED, LEGAL)  # reasons that the desk should see first
COMMANDS = "gives orders to the bot"
OUT_OF_SCOPE = "out of scope"
LANGUAGE = "language: "
ALWAYS = "always handed over: "
BOTH = "I think one of these answers it:"
ASKED_BACK = "What would you like to know about that? A full question helps me most."
MEANT = "Or did you mean one of these?"
_PERSON = re.compile(
    r"\b(speak|talk|chat|connect|transfer|through)\b.{0,30}\b(human|person|agent|colleague|representative|"
    r"someone|somebody|manager|employee)\b|\b(real|actual|live) (human|person|agent)\b|\bcall me\b|"
    r"^\W*(human|agent|person|operator)( please)?\W*$",
    re.I,
)
_UNSAFE = re.compile(
    r"\b(kill|hurt|harm)(ing)? (myself|himself|herself|themselves|him|her|you|someone|somebody)\b|\bsuicid|"
    r"\b(caught|catch|is on|set on) fire\b|\bexplo(ded|sion)\b|\bgas (is )?(leak|smell)|\bsmell(s)? (of )?gas\b|"
    r"\bcarbon monoxide\b|\bswallowed\b|\bchoking\b|\belectric shock\b|\ballergic reaction\b|"
    r"\bbomb\b|\b(injured|unconscious|bleeding|poisoned|ambulance)\b|\bburn(ed|t) (my|his|her)\b",
    re.I,
)
# every minute counts, and no page knows what was done: not for stolen things, which pages do tell about
_MISUSED = re.compile(
    r"\b(was|were|is|are|been|got|get|have) hacked\b|\bhacked (my|into|our)\b|\bidentity theft\b|"
    r"\b(someone|somebody|a stranger|hackers?)\b.{0,30}\b(ordered|orders|bought|paid|pays|logged in(to)?|"
    r"us(es|ed|ing)|access(ed|es)|got into|is in)\b.{0,20}\bmy\b.{0,15}\b(account|card|paypal|name|login)\b|"
    r"\b(unauthori[sz]ed|fraudulent)\b|\b(order|payment|purchase|transaction|charge)s?\b.{0,20}\bi "
    r"(never|did not|didn'?t|have not|haven'?t) (mak|mad|plac|authori[sz])",
    re.I,
)
_LEGAL = re.compile(
    r"\b(my|our) (lawyer|attorney|solicitor)s?\b|\bsue you\b|\b(take|see) (you|this) (to|in) court\b|"
    r"\blegal (action|steps|proceedings)\b|\bsmall claims\b|\bombudsman\b|\bpress charges\b",
    re.I,
)
# a stored datum that is asked for by name: no entry tells it, and a chat must not
_PERSONAL = re.compile(
    r"\b(what|which|when|tell|give|show|read)\b.{0,12}(\b(is|was|me|are|were)\b|'s\b).{0,20}"
    r"\b(my|his|her|the|\w+'s)\b.{0,20}"
    r"\b(password|pin|(customer|order|invoice|tracking) number|iban|birthday|date of birth|home address)\b",
    re.I,
)
# what the customer did or has by the desk's records: "how often have I returned something", "which size did I order"
_RECORDED = re.compile(
    r"^\W*((hi|hello|hey|and|so|please)\W+)*((what|which|who|when|how (many|much|often))\b[^.?!,;\n]{0,40}\b"
    r"((did|had|have) (i|my|we|our)\b(?! to\b)|(do i have|have i got) (right )?now\b)|"
    r"what('s| is| was)\b[^.?!,;\n]{0,30}\bi (registered|signed up|ordered|paid) with\b)",
    re.I,
)
# what a page would guess at
_CASE = re.compile(
    r"^\W*((my|the|it|its|is|it's|order|case|ticket|invoice|number|no|nr)\W+)*(<[A-Z_]+_\d+>|[a-z]{0,4}[-#]?\d{4,})\W*$",
    re.I,
)

_AT_ONCE = (
    (UNSAFE, _UNSAFE), (MISUSED, _MISUSED), (LEGAL, _LEGAL), (PERSON, _PERSON), (PERSONAL, _PERSONAL),
    (PERSONAL, _RECORDED), (CASE, _CASE),
)  # fmt: skip


def must_pass_on(text: str) -> str | None:
    """Why a person takes over at once; None if nothing asks for it."""
    for reason, pattern in _AT_ONCE:
        if pattern.search(text):
            return reason
    return COMMANDS if commanding(text) else None


def foreign(shop: Shop, text: str) -> str | None:
    """Why a person takes over a message in a language that the shop does not keep; None if it is kept."""
    language = detect(text)
    return None if shop.policy(language) == "keep" else f"{LANGUAGE}{language}"


def handover(shop: Shop, reason: str | None) -> str:
    """Words that fit why a person takes over."""
    if reason and reason.startswith(LANGUAGE):
        return shop.handover_language.replace("{language}", called(reason.removeprefix(LANGUAGE)))
    if reason and reason.startswith(ALWAYS):
        return shop.handover_always
    fitting = {
        UNSAFE: shop.handover_unsafe,
        MISUSED: shop.handover_urgent,
        LEGAL: shop.handover_urgent,
        PERSON: shop.handover_person,
        PERSONAL: shop.handover_person,
        TOLD: shop.handover_always,
        OUT_OF_SCOPE: shop.handover_scope,
        COMMANDS: shop.handover_scope,
    }
    return fitting.get(reason or "", shop.handover)


def both(sources: Sequence[Source]) -> str:
    """Two entries for a question that one of them answers, each under its own question."""
    return "\n\n".join([BOTH, *(f"{source.question}\n{source.answer}" for source in sources)])
