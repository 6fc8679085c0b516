"""Numbers that identify people or accounts: checks by their own rules. Works on strings alone."""

from __future__ import annotations

import ipaddress
import re

# Lengths by country: ISO 13616 registry.
_IBAN_LENGTH = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28,
    "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18,
    "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22,
    "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20,
    "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18,
    "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SE": 24,
    "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24,
    "XK": 20,
}  # fmt: skip
_PHONE = re.compile(
    r"(?<![\w@.#€$£/-])(?:\+|00)?(?:\(\+?\d{1,5}\)|\d{1,5})(?:[ \-./\xa0]{0,2}(?:\(\d{1,5}\)|\d{1,6})){1,6}"
    r"(?:\s?(?:x|ext\.?|#)\s?\d{1,6})?(?![\w@/%€$£]|-\d|[.,:]\d)"
)
_PHONE_SOLID = re.compile(
    r"(?<![\w@.,#€$£/-])(?:\+|00)?\d{7,15}(?:\s?(?:x|ext\.?)\s?\d{1,6})?(?![\w@/%€$£]|-\d|[.,:]\d)"
)
_CUE_BEFORE = re.compile(
    r"(?:phone|tel(?:efoon|efon|ephone|éphone)?|mob(?:ile|iel|il)?|handy|portable|cell|fax|call(?:s|ing|"
    r"ed)?(?: me| us)?|"
    r"reach(?: me)?|text(?: me)?|whatsapp|bel(?:len)?(?: me| mij)?|nummer|contact|answering|office|dial|ring)\b"
    r"[^\d\n]{0,28}$",
    re.I,
)
_CUE_AFTER = re.compile(r"^\s*[-\\,(]{0,3}\s*(?:office|fax|mobile|cell|home|work|phone|\(m\)|\(w\)|\(h\))\b", re.I)
_NOT_CUE = re.compile(
    r"(?:order|bestell\w*|commande|track\w*|parcel|invoice|factuur|rechnung|reference|ref\.?|ticket|article|item|sku|"
    r"customer|klant\w*|account|serial|zip|code|card|license|licence|case|voucher|booking|iban|isbn|number is|amount|"
    r"id|no\.?|nr\.?|#|€|\$|£|eur)\W{0,4}(?:number|nr\.?|no\.?|id|is|was|:|#|\s)*\s*$",
    re.I,
)
_THING_BEFORE = re.compile(
    r"\b(?:imei|meid|ean|gtin|upc|isbn|issn|barcode|sku|serial|part|model|article|artikel|batch|lot)\b[.:]?[ ]?"
    r"(?:(?:number|nummer|numéro|no|nr|code|id)\b\.?[ ]?)?(?:is|was|:|#|=)?[ ]?(?:[A-Z]{1,3}[ :]?)?$",
    re.I,
)
_VERSION_BEFORE = re.compile(
    r"\b(?:versions?|ver|v|firmware|build|release|revision|rev|fw|patch)\b[.:]?[ ]?"
    r"(?:(?:version|number|nummer|no|nr)\b\.?[ ]?)?(?:is|was|to|:|#|=)?[ ]?v?$",
    re.I,
)
_DATE = re.compile(
    r"^(?:\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./](?:19|20)?\d{2}|(?:19|20)\d{2}\s?[-–/]\s?(?:19|20)?\d{2})(?:\s.*)?$"
)
_MONEY_AFTER = re.compile(
    r"^\s?(?:€|\$|£|eur\b|euro|usd|%|days?|weeks?|km|kg|cm|mm|ml|items?|pieces?|hours?|minutes?)", re.I
)


def card_is_valid(text: str) -> bool:
    """13 to 19 digits, a known issuer's first digit, and the Luhn check (ISO/IEC 7812-1)."""
    digits = [int(c) for c in text if c.isdigit()]
    if not 13 <= len(digits) <= 19 or digits[0] not in (2, 3, 4, 5, 6) or len(set(digits)) < 3:
        return False
    doubled = [sum(divmod(2 * d, 10)) for d in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def iban_is_plausible(text: str) -> int:
    """Characters of `text` that an IBAN takes: its country's length, or 0. The checksum may be mistyped."""
    length = _IBAN_LENGTH.get(text[:2].upper())
    if not length:
        return 0
    seen = 0
    for at, char in enumerate(text):
        seen += char.isalnum()
        if seen == length:
            body = text[: at + 1]
            rest = text[at + 1 :]
            if rest[:1].isalnum() or sum(c.isdigit() for c in body) < 8:
                return 0
            return at + 1
    return 0


def ip_is_valid(text: str) -> bool:
    """An IPv4 or IPv6 address, perhaps with a prefix length. A bare `::` or a version number is none."""
    address = text.partition("/")[0]
    if ":" in address and (address.count(":") < 3 or not re.search(r"[0-9a-f]{2}", address, re.I)):
        return False
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True


def names_a_thing(text: str, start: int) -> bool:
    """Whether the words right before `start` call what follows a product's own number, such as an EAN or IMEI."""
    return _THING_BEFORE.search(text, max(0, start - 32), start) is not None


def names_a_version(text: str, start: int) -> bool:
    """Whether the words right before `start` call what follows a version."""
    return _VERSION_BEFORE.search(text, max(0, start - 32), start) is not None


def phone_spans(text: str, taken: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Phone numbers outside the spans already `taken`: by shape, by the words around them, else by numbering plan."""
    found: list[tuple[int, int]] = []
    for pattern in (_PHONE, _PHONE_SOLID):
        for match in pattern.finditer(text):
            start, end = match.span()
            if any(start < b and end > a for a, b in [*taken, *found]):
                continue
            if _is_phone(text, start, end):
                found.append((start, end))
    return found


def _is_phone(text: str, start: int, end: int) -> bool:
    value = text[start:end]
    main = re.split(r"x|ext|#", value, flags=re.I)[0]
    digits = re.sub(r"\D", "", main)
    if not 6 <= len(digits) <= 15 or _DATE.match(value) or "\n" in value:
        return False
    before, after = text[max(0, start - 40) : start], text[end : end + 16]
    if _CUE_BEFORE.search(before) or _CUE_AFTER.match(after):
        return True
    if _NOT_CUE.search(before) or _MONEY_AFTER.match(after):
        return False
    return len(digits) >= 8 and _shaped(value.strip(), digits)


def _shaped(value: str, digits: str) -> bool:
    if value.startswith(("+", "00", "(0", "(")):
        return True
    if re.fullmatch(r"\d{3}[-. ]\d{3}[-. ]\d{4}(?:\s?(?:x|ext\.?)\s?\d+)?", value):
        return True
    if digits.startswith("0") and 9 <= len(digits) <= 12:
        return bool(re.search(r"\d[ \-./]\d", value)) or _in_plan(digits)
    return False


def _in_plan(digits: str) -> bool:
    import phonenumbers

    for region in ("NL", "DE", "FR", "BE", "GB"):
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(digits, region)):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False
