"""Street addresses and postcodes in text, in the forms of western Europe and the United States.

A street form alone is not enough where a product could be named the same ("Seagate 2", "3 Trek Road bikes"): then
the words around must say an address. No gazetteer; a street without a house number is missed.
"""

from __future__ import annotations

import re

from deskloop.text.language import detect, function_words

# "2 TB" and "3.0 Flash Drive" name a product
_NOT_HOUSES = r"(?![ ]?[TGMK]i?B\b)"
_DEVICES = r"(?!(?:[\w'’.-]+[ ]){0,3}(?i:flash|hard|disk|disc|thumb|pen|usb|state|tape|ssd|optical)[ ]Drive)"
_COUNTED = r"(?!(?:Minute|Hour|Day|Week|Month|Year)s?\b)"
_STREET_NL = re.compile(
    r"\b[A-ZÀ-Þ][\w'’.-]*(?:[ ](?:van|de|der|den|het|'t)[ ][A-Z][\w'-]*)*(?:straat|laan|weg|"
    r"plein|gracht|kade|singel|dijk|"
    r"steeg|hof|dreef|lei|straße|strasse|str\.|gasse|allee|platz|damm|ring|ufer|vej|gade|gata|gatan|vägen|veien|gate|katu)"
    rf"[ ]\d{{1,5}}(?!\d){_NOT_HOUSES}"
    r"(?:[ ]?[a-zA-Z](?![\w]))?(?:[-/ ]\d{1,4})?(?:,?[ ]\d{4,5}(?:[ ]?[A-Z]{2})?(?:[ ][A-Z][\w-]+)?)?"
)
_STREET_EN = re.compile(
    rf"\b(?<!\d[.,])[1-9]\d{{0,5}}[a-zA-Z]?[ ]{_DEVICES}{_COUNTED}"
    r"(?:[NSEW]\.?[ ])?(?:[A-ZÀ-Þ][\w'’.-]*[ ]){1,4}(?:Street|St|Road|Rd|Avenue|Ave|"
    r"Lane|Ln|Drive|Dr|"
    r"Boulevard|Blvd|Court|Ct|Place|Pl|Square|Sq|Terrace|Way|Close|Crescent|Parkway|Highway|Hwy)\b\.?"
)
_STREET_FR = re.compile(
    r"\b\d{1,4}(?:[ ]?(?:bis|ter))?,?[ ](?i:rue|avenue|av\.|boulevard|bd|place|impasse|chemin|allée|quai|"
    r"cours|via|calle|"
    r"rua|ul\.|plaza|piazza)[ ](?:(?:de|du|des|la|le|les|l'|d'|del|"
    r"della)[ ]?){0,2}[A-ZÀ-Þ][\w'’-]*(?:[ -][A-ZÀ-Þ][\w'’-]*){0,3}"
    r"(?:,?[ ]\d{5}(?:[ ][A-ZÀ-Þ][\w-]+)?)?"
)
_UNIT = re.compile(r"\b(?:Apt|Suite|Unit|Flat|Apartment)\.?[ ]#?\d{1,5}[A-Z]?\b", re.I)
_POSTCODE_NL = re.compile(r"\b[1-9]\d{3}[ ]?(?!SA|SD|SS)[A-Z]{2}\b(?:[ ][A-ZÀ-Þ][\w-]+)?")
_POSTCODE_CUED = re.compile(
    r"\b(?i:post(?:al )?code|zip(?: code)?|plz|code postal|postcode)\s*(?:is|:)?\s*(\d{4,6})\b"
)
_POBOX = re.compile(r"\bP\.?\s?O\.?[ ]Box[ ]\d+", re.I)
# Endings of streets that English words have too, and the languages in which they are a street's without more words.
_ALSO_ENGLISH = {
    "gate": ("nb", "no", "nn", "da"), "gade": ("da", "nb", "no"), "ring": ("de", "nl", "da", "nb", "no", "sv"),
    "lei": ("nl",), "hof": ("nl", "de"),
}  # fmt: skip
_SAYS_ADDRESS = re.compile(
    r"(?:\b(?:at|near|på|ved|am|aan|op)|\b(?:liv(?:es?|ed|ing)|resides?|bor|wohn\w*|woont?|wonen)[ ](?:in|on|i)|"
    r"\b(?:address|adresse?|adres|street|location)\W{0,3}(?:is|was|ist|er|är)?|"
    r"\b(?:deliver|ship|send|sent|move|moved|mail|post)\w*\b[^.\n]{0,30}[ ](?:to|at))[:,]?\s{0,2}$",
    re.I,
)
_TOWN = re.compile(r",?\s{1,2}\d{4,5}\b|,\s{1,2}[A-ZÀ-Þ][\w'-]+(?:[ ]\d|\s*[,.\n]|\s*$)")
_THING = re.compile(r"[ ]([a-zà-ÿ]{3,})\b")
_WHEN = frozenset(
    "yesterday today tomorrow tonight now again instead since until thx thanks pls plz asap near".split()
)


def address_spans(text: str) -> list[tuple[int, int]]:
    """Where addresses stand, not overlapping."""
    found: list[tuple[int, int]] = []
    for pattern in (_STREET_NL, _STREET_FR, _STREET_EN, _UNIT, _POSTCODE_NL, _POBOX):
        for match in pattern.finditer(text):
            if all(match.end() <= a or match.start() >= b for a, b in found) and not _is_thing(text, match):
                found.append(match.span())
    found += [m.span(1) for m in _POSTCODE_CUED.finditer(text)]
    return found


def _is_thing(text: str, match: re.Match[str]) -> bool:
    """Whether a form of a street is rather a product: nothing around says an address, and its words are usual."""
    start, end = match.span()
    if match.re is _STREET_NL:
        return _usual_word(text, match) and not _is_told(text, start, end)
    return match.re is _STREET_EN and _goes_on(text[end : end + 24]) and not _is_told(text, start, end)


def _usual_word(text: str, match: re.Match[str]) -> bool:
    street = match[0].partition(" ")[0] if match[0].count(" ") == 1 else match[0].rpartition(" ")[0]
    for ending, languages in _ALSO_ENGLISH.items():
        if street.endswith(ending) and street.isascii():
            return detect(text) not in languages
    return False


def _goes_on(after: str) -> bool:
    """Whether a noun follows, as in "Road bikes"; after an address there is an end, a town or a function word."""
    word = _THING.match(after)
    return word is not None and word[1] not in function_words() and word[1] not in _WHEN


def _is_told(text: str, start: int, end: int) -> bool:
    before = text[max(0, start - 60) : start]
    line = text[text.rfind("\n", 0, start) + 1 : start].strip()
    alone = not line and (text[end : end + 1] in ("", "\n", ","))
    return alone or bool(_SAYS_ADDRESS.search(before) or _TOWN.match(text, end))
