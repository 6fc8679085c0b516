"""People in text: by the participants' names and by the words around them.

No gazetteer and no model: a name that nothing introduces is missed. Works on strings alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

_PART = r"[A-ZÀ-ÖØ-ÞŠŽČĆĐŁŚŻ][\w'’-]*[a-zà-ÿšžčćđłńśźż][\w'’-]*"
_LINK = r"(?:van|de|der|den|von|la|le|di|el|bin|ten|ter|zu|da|dos)"
_FULL = rf"{_PART}(?:[ ](?:{_LINK}[ ]){{0,2}}(?:[A-Z]\.[ ])?{_PART}){{0,3}}"
_INTRODUCED = re.compile(
    r"(?i:\b(?:my name(?:'s| is)|name\s*:|i am called|this is|i'm called|mijn naam is|ik heet|ich hei(?:ß|ss)e|"
    r"mein name ist|je m'appelle|mon nom est|on behalf of|in the name of|signed by|me llamo|mi nombre es|mi chiamo|"
    r"il mio nome è|(?:o )?meu nome é|chamo-me|nazywam się|jag heter|jeg heter|jeg hedder|nimeni on|jmenuji se|"
    r"(?:mr|mrs|ms|miss|dr|prof|herr|frau|mevrouw|mevr|dhr|meneer|monsieur|madame|mme)\b\.?))"
    rf"\s*({_FULL})"
)
_GREETED = re.compile(
    rf"(?im:^(?:dear|hi|hello|hey|hallo|beste|lieve|liebe[r]?|bonjour|dag|hoi|thanks|thank you|bedankt|danke|merci))"
    rf"[ ,]+({_FULL})(?=\s*(?:[,.!:\n]|$))"
)
_SIGNED = re.compile(
    r"(?i:(?:regards|thanks|thank you|thx|cheers|best|wishes|groet(?:en|jes)?|gr|mvg|gr[uü](?:ß|ss)e[n]?|lg|"
    rf"cordialement|merci|sincerely|yours)\s*[,.!]?)\s*\n+\s*-?\s*({_FULL})\s*(?:$|\n)"
)
_SIGNED_INLINE = re.compile(
    rf"(?i:\b(?:kind regards|best regards|regards|cheers|thanks|greetings|groetjes|mvg|lg|"
    rf"grtz))\s*[,.]\s*({_FULL})\s*[.!]?\s*$"
)
_BEFORE = re.compile(
    rf"({_FULL})['’]?[ ]?[,:(–-]{{0,2}}[ ]?(?i:(?:tel|phone|mobile|mob|iban|e-?mail|at|on)[.:]?[ ])?$"
)
_AFTER = re.compile(rf"[ ]?[,;)–-]{{0,2}}[ ](?i:name[:]?[ ]|to the name of[ ])?({_FULL})(?=\s*(?:[,.;!?)\n]|$))")
_HINTS = (
    "name", "this is ", "called", "naam", "heet", "heiße", "heisse", "appelle", " nom ", "behalf", "signed",
    "mr ", "mr.",
    "mrs", "ms ", "ms.", "miss", "dr ", "dr.", "prof", "herr", "frau", "mevr", "dhr", "meneer", "monsieur",
    "mada", "mme", "llamo", "nombre", "chiamo", " nome ", "chamo", "nazywam", "heter", "hedder", "nimeni", "jmenuji",
)  # fmt: skip
_GREETERS = ("dear", "hi", "hello", "hey", "hallo", "beste", "lieve", "liebe", "bonjour", "dag", "hoi",
    "thank", "bedankt",
             "danke", "merci", "thx")  # fmt: skip
_NOT_PEOPLE = frozenset(
    "support team service customer hi hello dear hey there all everyone sir madam the this that it i we you my your "
    "yes no ok please thanks thank order what when where why how can could is are do does did not for a an and but "
    "so in on at to monday tuesday wednesday thursday friday saturday sunday january february march april may june "
    "july august september october november december english dutch german french paypal klarna visa mastercard ideal "
    "bancontact dhl postnl ups dpd amazon google apple iphone android samsung shop store larkfell sincerely regards "
    "best kind helpdesk desk webshop sales info sent just still now unfortunately".split()
)


def person_spans(text: str, names: Iterable[str] = ()) -> list[tuple[int, int]]:
    """Where people are named: the participants' `names` (whole and by part), then names that words introduce."""
    spans: list[tuple[int, int]] = []
    pattern = _pattern(tuple(names))
    if pattern:
        spans += [m.span() for m in pattern.finditer(text)]
    for match in _cued(text):
        span = _trimmed(text, *match.span(1))
        if span and all(span[1] <= a or span[0] >= b for a, b in spans):
            spans.append(span)
    return spans


def _cued(text: str) -> Iterator[re.Match[str]]:
    """Names that words introduce. Plain searches come first: most texts hold no such word."""
    low = text.lower()
    if any(hint in low for hint in _HINTS):
        yield from _INTRODUCED.finditer(text)
    if low.startswith(_GREETERS) or "\n" in text:
        yield from _GREETED.finditer(text)
    if "\n" in text:
        yield from _SIGNED.finditer(text)
    if match := _SIGNED_INLINE.search(text, max(0, len(text) - 80)):
        yield match


def beside(text: str, spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Full names that stand right before or after other personal data, as in `Anna Smit, 06-12345678`."""
    found: list[tuple[int, int]] = []
    for start, end in spans:
        before = _BEFORE.search(text, max(0, start - 60), start)
        after = _AFTER.match(text, end)
        for match in (before, after):
            span = _trimmed(text, *match.span(1)) if match else None
            if span and " " in text[span[0] : span[1]]:
                found.append(span)
    return found


@lru_cache(maxsize=4096)
def _pattern(names: tuple[str, ...]) -> re.Pattern[str] | None:
    parts: set[str] = set()
    for name in names:
        whole = " ".join(name.split())
        pieces = [p for p in re.split(r"[\s,]+", whole) if len(p.strip(".")) >= 3 and p[0].isupper()]
        parts.update(p for p in [whole, *pieces] if len(p) >= 3 and p.lower() not in _NOT_PEOPLE)
    if not parts:
        return None
    ordered = sorted(parts, key=len, reverse=True)
    alternatives = "|".join(re.escape(p) for p in ordered)
    titled = "|".join(re.escape(p.lower()) for p in ordered if len(p) >= 5)
    tail = f"|{titled}" if titled else ""
    return re.compile(rf"(?<![\w@])(?:{alternatives}{tail})(?:[ ](?:{alternatives}))*(?![\w@])")


def _trimmed(text: str, start: int, end: int) -> tuple[int, int] | None:
    """The span without words that are no names; None when nothing is left."""
    parts = list(re.finditer(r"\S+", text[start:end]))
    while parts and parts[0][0].strip(".,!'").lower() in _NOT_PEOPLE:
        return None
    keep = 0
    for part in parts:
        if part[0].strip(".,!'").lower() in _NOT_PEOPLE:
            break
        keep = part.end()
    return (start, start + keep) if keep else None
