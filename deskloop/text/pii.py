"""Personal data in text: structured kinds by validated patterns, names and addresses by what surrounds them.

`find` says where, `Redactor` replaces with typed placeholders that stay the same within one conversation.
What no pattern tells, the tagger of the extra `ner` finds where it is asked to. Knows nothing about where a text
comes from; no network.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

from deskloop.text import names as people
from deskloop.text.numbers import (
    card_is_valid,
    iban_is_plausible,
    ip_is_valid,
    names_a_thing,
    names_a_version,
    phone_spans,
)
from deskloop.text.streets import address_spans

STRUCTURED = frozenset(
    "CREDIT_CARD EMAIL_ADDRESS IBAN_CODE IP_ADDRESS PHONE_NUMBER US_SSN DOMAIN_NAME URL SECRET".split()
)


class Span(NamedTuple):
    """A piece of personal data: `text[start:end]`."""

    type: str
    start: int
    end: int


_EMAIL = re.compile(
    r"(?<![\w.+%-])[^\W_][\w.+%'-]{0,63}\s?(?:@|\(at\)|\[at\])\s?(?:[^\W_][\w-]{0,62}\.)+[^\W\d_]{2,24}(?![\w-])"
)
_URL = re.compile(r"(?:https?://|ftp://|www\.)[^\s<>\"'(){}\[\]|\\^`]{3,}", re.I)
_DOMAIN = re.compile(
    r"(?<![\w@./-])(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:com|net|org|info|biz|io|nl|de|fr|be|uk|eu|es|it|ch|"
    r"at|se|dk|no|fi|pl|us|ca|au|hu|tn|gov|edu|shop|store|app|dev)(?:/[^\s<>\"']*)?(?![\w@-])",
    re.I,
)
# "works.It": no space after the full stop; these endings are English words too
_NEXT_SENTENCE = re.compile(r"[a-z]\.(?:It|At|Be|No|Us|Is|Info|Shop|Store|App)$")
_CARD = re.compile(r"(?<![\w.-])(?:\d[ -]?){12,18}\d(?![\w-])")
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,30}(?![A-Za-z0-9])")
_IP = re.compile(
    r"(?<![\w.:])(?:(?:\d{1,3}\.){3}\d{1,3}|(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4})(?:/\d{1,3})?(?![\w:]|\.\d)", re.I
)
_SSN = re.compile(r"(?<![\w-])(?!000)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])")
_SSN_CUED = re.compile(r"\b(?:ssn|social security)\b\D{0,30}(\d{9}|\d{3} \d{2} \d{4})(?!\d)", re.I)
_BSN = re.compile(r"\b(?:bsn|burgerservicenummer|steuer-?id|nir)\b\D{0,20}((?:\d[ .]?){7,14}\d)", re.I)
_SECRET = re.compile(
    r"\b(?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{10,}|\bgh[pousr]_[A-Za-z0-9]{20,}|"
    r"\bAKIA[0-9A-Z]{16}\b|\bsk-[A-Za-z0-9_-]{20,}|"
    r"\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{5,}|\bxox[abprs]-[\w-]{10,}"
)
_SECRET_CUED = re.compile(
    r"\b(?:password|passwd|pwd|passcode|wachtwoord|passwort|kennwort|mot de passe|contraseña|senha|"
    r"hasło|lösenord|adgangskode|passord|salasana|heslo|пароль|şifre|pin(?:code)?|cvv|cvc|api[ -]?key|token|secret)\b"
    # A plain word after "password is" says how it is ("wrong"); a digit, a sign or a capital within is a password.
    r"\s*(?:code\s*|key\s*)?(?:is|was|ist|est|es|è|é|jest|är|er|:|=)\s*[\"']?"
    r"([^\s\"',;]*(?:\d|[^\s\"',;][!@$%^&*#+]\w|(?-i:[a-z][A-Z]))[^\s\"',;]*)",
    re.I,
)
_LICENSE = re.compile(r"\b(?:driver'?s?|driving) licen[sc]e\b\D{0,24}?([A-Z]{0,3}\d[A-Z0-9]{5,14})\b", re.I)
_BIRTH = re.compile(
    r"\b(?:born(?: on)?|birthday|date of birth|d\.?o\.?b\.?|geboren|geboortedatum|né[e]? le)\b[\s:]*(?:is|it's|its)?"
    r"[\s:.]{0,3}(?:it's\s*|it is\s*)?((?:\d{1,2}[./-]\d{1,2}[./-]\d{2,4})|(?:\d{4}-\d{2}-\d{2})|"
    r"(?:\d{1,2}(?:st|nd|rd|th)?"
    r"\s+[a-z]{3,9}\s+\d{4}))",
    re.I,
)
_ORDER_CODE = re.compile(r"\b(?:[Ll][Ff]|[Oo][Rr][Dd]|[Ii][Nn][Vv]|[Rr][Mm][Aa]|[Pp][Oo])-?\d{4,12}\b")
_ORDER_DASHED = re.compile(r"(?<![\w-])\d{3}-\d{5,9}-\d{5,9}(?![\w-])")
_ORDER_CUED = re.compile(
    r"\b(?:order|bestell(?:ung|ing)\w*|commande|booking|tracking|parcel|invoice|reference|ticket|return|rma)"
    r"(?:[ ]?(?:id|number|numéro|nummer|nr|no|code|ref))?[.:]?(?:[ ](?:is|was))?[\s:#]{0,3}"
    r"((?:[A-Z]{1,4}-?)?\d(?:[\d-]|[A-Z](?=\d)){3,24}\d)(?![\w-])",
    re.I,
)
_HASHED = re.compile(r"(?<![\w/])#[ ]?(\d[\d-]{4,20}\d)(?![\w-])")
_BESIDE_NAMES = frozenset("EMAIL_ADDRESS PHONE_NUMBER IBAN_CODE ADDRESS".split())
_DIGIT = re.compile(r"\d")
_NOT_DIGIT = re.compile(r"\D+")
_DOT_IN_WORD = re.compile(r"\.[a-z]", re.I)
_IBAN_HEAD = re.compile(r"[A-Za-z]{2}\d\d")
# What a text in lower case must hold for a pattern to match: plain searches cost a tenth of the patterns.
_SECRET_HINTS = ("sk_", "pk_", "rk_", "gh", "akia", "sk-", "eyj", "xox")
_CUED_HINTS = (
    "pass", "pwd", "wachtw", "kennw", "contrase", "senha", "hasł", "lösen", "adgang", "salasana", "heslo",
    "парол", "fre", "pin", "cvv", "cvc", "api", "token", "secret",
)  # fmt: skip
_ORDER_HINTS = (
    "order", "bestell", "commande", "booking", "tracking", "parcel", "invoice", "reference", "ticket",
    "return", "rma",
)  # fmt: skip
_SSN_HINTS = ("ssn", "social")
_BSN_HINTS = ("bsn", "burger", "steuer", "nir")
_BIRTH_HINTS = ("born", "birth", "dob", "d.o", "do.b", "gebor", "né")
# A number that its own words call an order is one, even where its digits happen to pass as a card or phone.
_ORDER_FIRST = {"URL": 0, "SECRET": 1, "ORDER_NUMBER": 2, "IBAN_CODE": 2}


def find(text: str, names: Iterable[str] = (), tagged: frozenset[str] = frozenset()) -> list[Span]:
    """Personal data in `text`, in order, not overlapping; `names` are the people known to take part.

    `tagged` are the kinds to ask the tagger for (see `tagger.TAGS`), which needs the extra `ner`.
    """
    found = _by_pattern(text, names)
    if not tagged:
        return found
    from deskloop.text import tagger

    return _without_overlap([*found, *(Span(*s) for s in tagger.spans(text) if s[0] in tagged)])


def structured(text: str) -> list[Span]:
    """Those kinds alone that a pattern with a rule behind it tells, which is the fast part of `find`."""
    return _without_overlap(_structured(text, _DIGIT.search(text) is not None))


def _by_pattern(text: str, names: Iterable[str]) -> list[Span]:
    numbered = _DIGIT.search(text) is not None
    spans = _structured(text, numbered)
    spans += [Span("PERSON", a, b) for a, b in people.person_spans(text, names)]
    if numbered:
        spans += [Span("ADDRESS", a, b) for a, b in address_spans(text)]
    found = _without_overlap(spans)
    beside = [(s.start, s.end) for s in found if s.type in _BESIDE_NAMES]
    named = people.beside(text, beside) if beside else []
    return _without_overlap([*found, *(Span("PERSON", a, b) for a, b in named)]) if named else found


def _structured(text: str, numbered: bool) -> list[Span]:
    spans: list[Span] = []
    if "@" in text or "at)" in text or "at]" in text:
        spans += [Span("EMAIL_ADDRESS", *m.span()) for m in _EMAIL.finditer(text)]
    if "://" in text or "www." in text.lower():
        spans += [Span("URL", m.start(), _url_end(m)) for m in _URL.finditer(text)]
    if "." in text and _DOT_IN_WORD.search(text):
        spans += [
            Span("DOMAIN_NAME", m.start(), _url_end(m))
            for m in _DOMAIN.finditer(text)
            if not _NEXT_SENTENCE.search(m[0])
        ]
    low = text.lower()
    if _any(_CUED_HINTS, low):
        spans += [Span("SECRET", *m.span(1)) for m in _SECRET_CUED.finditer(text)]
    return _numbered(text, low, spans) if numbered else spans


def _numbered(text: str, low: str, spans: list[Span]) -> list[Span]:
    """The kinds that hold digits, behind the `spans` found so far; each behind a cheap test of whether it can be."""
    digits = len(_NOT_DIGIT.sub("", text))
    if _any(_SECRET_HINTS, low):
        spans += [Span("SECRET", *m.span()) for m in _SECRET.finditer(text)]
    if digits >= 13:
        spans += [
            Span("CREDIT_CARD", *m.span())
            for m in _CARD.finditer(text)
            if card_is_valid(m[0]) and not names_a_thing(text, m.start())
        ]
    if digits >= 8 and _IBAN_HEAD.search(text):
        spans += [Span("IBAN_CODE", m.start(), end) for m in _IBAN.finditer(text) if (end := _iban_end(m))]
    if text.count(".") >= 3 or text.count(":") >= 2:
        spans += [
            Span("IP_ADDRESS", *m.span())
            for m in _IP.finditer(text)
            if ip_is_valid(m[0]) and not names_a_version(text, m.start())
        ]
    if digits >= 9 and text.count("-") >= 2:
        spans += [Span("US_SSN", *m.span()) for m in _SSN.finditer(text) if not names_a_thing(text, m.start())]
    for pattern, hints in ((_SSN_CUED, _SSN_HINTS), (_BSN, _BSN_HINTS)):
        if digits >= 8 and _any(hints, low):
            spans += [Span("US_SSN", *m.span(1)) for m in pattern.finditer(text)]
    if "licen" in low:
        spans += [Span("US_DRIVER_LICENSE", *m.span(1)) for m in _LICENSE.finditer(text)]
    if _any(_BIRTH_HINTS, low):
        spans += [Span("DATE_OF_BIRTH", *m.span(1)) for m in _BIRTH.finditer(text)]
    if digits >= 4:
        spans += _orders(text, low)
    taken = [(s.start, s.end) for s in spans]
    hashed = [m.span(1) for m in _HASHED.finditer(text)] if "#" in text else []
    spans += [Span("ORDER_NUMBER", a, b) for a, b in hashed if all(b <= c or a >= d for c, d in taken)]
    if digits < 6:
        return spans
    return spans + [Span("PHONE_NUMBER", a, b) for a, b in phone_spans(text, [*taken, *hashed])]


def _orders(text: str, low: str) -> list[Span]:
    found = [m.span() for m in _ORDER_CODE.finditer(text)]
    if text.count("-") >= 2:
        found += [m.span() for m in _ORDER_DASHED.finditer(text)]
    if _any(_ORDER_HINTS, low):
        found += [m.span(1) for m in _ORDER_CUED.finditer(text)]
    return [Span("ORDER_NUMBER", a, b) for a, b in found]


def _any(hints: tuple[str, ...], low: str) -> bool:
    for hint in hints:  # noqa: SIM110 (a generator would cost more than the searches)
        if hint in low:
            return True
    return False


def _url_end(match: re.Match[str]) -> int:
    return match.start() + len(match[0].rstrip(".,;:!?'\""))


def _iban_end(match: re.Match[str]) -> int | None:
    length = iban_is_plausible(match[0])
    return match.start() + length if length else None


def _without_overlap(spans: list[Span]) -> list[Span]:
    """Earlier-found, hence surer, kinds win; a URL wins over the domain or e-mail inside it."""
    if len(spans) < 2:
        return spans
    order = {s: i for i, s in enumerate(spans)}
    kept: list[Span] = []
    for span in sorted(set(spans), key=lambda s: (_ORDER_FIRST.get(s.type, 3), s.type not in STRUCTURED, order[s])):
        if span.end > span.start and all(span.end <= k.start or span.start >= k.end for k in kept):
            kept.append(span)
    return sorted(kept, key=lambda s: s.start)


class Redactor:
    """Replaces personal data with placeholders, the same for the same value within one conversation.

    `names` are the participants' names. `own` are the shop's own addresses, @domains, hosts and numbers, and
    whatever else is public: they stay as they are. `tagged`: see `find`.
    """

    def __init__(self, names: Iterable[str] = (), own: Iterable[str] = (), tagged: Iterable[str] = ()) -> None:
        self._names = tuple(names)
        self._tagged = frozenset(tagged)
        self._own = frozenset(_key(o) for o in own)
        self._hosts = tuple(o.lower().lstrip("@") for o in own if "." in o and " " not in o)
        self._given: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}

    def redact(self, text: str) -> str:
        """`text` with personal data replaced by `<TYPE_n>`."""
        out: list[str] = []
        last = 0
        for span in find(text, self._names, self._tagged):
            value = text[span.start : span.end]
            if self._is_own(span.type, value):
                continue
            out += [text[last : span.start], self._placeholder(span.type, value)]
            last = span.end
        return "".join([*out, text[last:]])

    def _is_own(self, kind: str, value: str) -> bool:
        if _key(value) in self._own:
            return True
        if kind == "EMAIL_ADDRESS":
            return f"@{value.lower().rpartition('@')[2]}" in self._own
        if kind in ("URL", "DOMAIN_NAME"):
            host = urlsplit(value if "://" in value else f"//{value}").netloc.lower()
            return "@" not in host and any(host == h or host.endswith(f".{h}") for h in self._hosts)
        return False

    def _placeholder(self, kind: str, value: str) -> str:
        key = (kind, _key(value))
        if key not in self._given:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._given[key] = f"<{kind}_{self._counts[kind]}>"
        return self._given[key]


def redact(text: str, names: Iterable[str] = ()) -> str:
    """One text redacted on its own."""
    return Redactor(names).redact(text)


def _key(value: str) -> str:
    return re.sub(r"[\s.()/-]+", "", value.lower()) if re.search(r"\d{3}", value) else value.lower().strip()
