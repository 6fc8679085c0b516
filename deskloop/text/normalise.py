"""One spelling for the same text: encoding repaired, NFKC, plain quotes and spaces. Keeps the meaning."""

from __future__ import annotations

import re
import unicodedata

_PLAIN = {
    "\u2018": "'", "\u2019": "'", "\u201a": "'", "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"',
    "\u00bb": '"', "\u2010": "-", "\u2011": "-", "\u2212": "-", "\u00ad": "", "\u200b": "", "\u200c": "",
    "\u2060": "", "\ufeff": "", "\u00a0": " ", "\u2028": "\n", "\u2029": "\n",
}  # fmt: skip
_TABLE = str.maketrans(_PLAIN)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_BLANKS = re.compile(r"[^\S\n]+")
_SPACED_LINE = re.compile(r" *\n *")
_GAP = re.compile(r"\n{3,}")


def normalise(text: str) -> str:
    """Repair mojibake, apply NFKC, unify quotes, dashes and blanks; paragraphs stay."""
    if not text.isascii():
        import ftfy

        text = ftfy.fix_text(text, uncurl_quotes=False)
        text = unicodedata.normalize("NFKC", text.translate(_TABLE)).translate(_TABLE)
    text = _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return _GAP.sub("\n\n", _SPACED_LINE.sub("\n", _BLANKS.sub(" ", text))).strip()
