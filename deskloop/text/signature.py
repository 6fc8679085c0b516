"""Signatures at the end of an e-mail: closing words, names, titles, numbers, disclaimers. Works on lines.

Lines are judged from the bottom up, as in Carvalho and Cohen, "Learning to Extract Signature and Reply Lines
from Email" (CEAS 2004), with rules for their features instead of a learned model.
"""

from __future__ import annotations

import re
from itertools import islice

_CLOSING_WORDS = (
    r"(?:best|kind|warm|kindest|warmest|many|with)?\s*(?:kind\s+|best\s+)?regards|rgds|regards|best(?: wishes)?|"
    r"all the best|yours(?: sincerely| truly| faithfully)?|sincerely(?: yours)?|cheers|"
    r"respectfully|cordially|take care|"
    r"mit freundlichen gr[uü](?:ß|ss)en|freundliche gr[uü](?:ß|ss)e|(?:viele|liebe|beste|sch[oö]ne) gr[uü](?:ß|ss)e|"
    r"gr[uü](?:ß|ss)e?|mfg|lg|vg|(?:hoogachtend|met vriendelijke groet(?:en)?|vriendelijke groet(?:en)?|"
    r"groet(?:en|jes)?|"
    r"mvg|met groet)|(?:bien )?cordialement|(?:bien )?[àa] vous|salutations|sinc[eè]res salutations|"
    r"bien cordialement|"
    r"un (?:cordial |afectuoso )?saludo|(?:cordiales )?saludos(?: cordiales)?|(?:muy )?atentamente|"
    r"cordiali saluti|distinti saluti|saluti|un saluto|"
    r"atenciosamente|cumprimentos|com os melhores cumprimentos|abra[cç]os|pozdrawiam|z powa[zż]aniem|"
    r"(?:med )?(?:venlig|vennlig|beste|bedste|de bedste|k[aæ]rlig) hilsen(?:er)?|mvh|"
    r"(?:med )?(?:v[aä]nlig|b[aä]sta|varma) ?(?:liga|a)? ?h[aä]lsning(?:ar)?|"
    r"(?:med )?v[aä]nliga h[aä]lsningar|h[aä]lsningar|hilsen|"
    r"(?:yst[aä]v[aä]llisin |parhain )?terveisin|(?:с|з) (?:уважением|повагою)|всего доброго|"
    r"s (?:p[rř][aá]telsk[yý]m )?pozdravem|"
    r"üdvözlettel|(?:iyi )?(?:sayg[ıi]lar[ıi]mla|sayg[ıi]lar|çal[ıi]şmalar)|cu stim[aă]|με εκτίμηση|"
    r"(?:どうぞ)?(?:よろしくお願い(?:いた|致)?します|宜しくお願い(?:いた|致)?します)|敬具|此致|敬礼|祝好|감사합니다|드림"
)
_THANKS = (
    r"(?:many |much )?thanks(?: again| a lot| so much| very much| in advance| for .{1,40})?|thx|tnx|"
    r"thank you(?: again| so much| very much| kindly| in advance| for .{1,40})?|"
    r"danke(?: im voraus)?|vielen dank|(?:alvast )?bedankt|(?:merci|grazie|gracias|obrigad[oa])(?: .{1,20})?"
)
_TAIL = r"[\s,.!;:*。、，！-]*"
_CLOSING = re.compile(rf"^[\s>*_-]*(?:{_CLOSING_WORDS}){_TAIL}$", re.I)
_CLOSING_NAME = re.compile(rf"^[\s*_-]*(?:{_CLOSING_WORDS}|{_THANKS})\s*[,.!;:-]+\s*\w[\w.' -]{{0,25}}$", re.I)
_THANK = re.compile(rf"^[\s>*_-]*(?:{_THANKS})(?:\s*(?:and|&|,)\s*(?:{_CLOSING_WORDS}))?{_TAIL}$", re.I)
_DELIMITER = re.compile(r"^\s*(?:--|—|–|__+|-- )\s*$|^\s*(?:[-_=*]{5,})\s*$")
_SENT_FROM = re.compile(
    r"^[\s>*_-]*(?:\(?(?:sent|send)\s+(?:from|via|with|using)\b(?!.*\b(?:order|shop|warehouse)\b)|get outlook for\b|"
    r"via (?:mobile|iphone|android)\b|gesendet (?:von|mit|über)\b|von meinem\b.{1,40}\bgesendet|"
    r"envoy[eé] (?:de(?:puis)?|à partir d[e']|avec)\b|t[eé]l[eé]charg(?:er|ez) outlook|verzonden (?:vanaf|"
    r"met|via|vanuit)\b|"
    r"verstuurd vanaf\b|enviado (?:desde|do|de|com)\b|obt[eé]n outlook|inviato da(?:l)?\b|scarica outlook|"
    r"wysłan[eo] z\b|skickat från\b|sendt fra\b|lähetetty\b|отправлено (?:с|из)\b|odesláno z\b|"
    r"\w+['’]?(?:umdan|ımdan|imdan|dan|den) gönderildi|\w+から送信|发自我的|從我的|나의 \w+에서 보냄|"
    r"downloaden outlook|outlook voor\b)",
    re.I,
)
_PHONE = re.compile(r"(?:\+|\(|\b)\d[\d\s().x/-]{6,}\d\b|\bx-?\d{4,5}\b|\bext\.?\s*\d{2,6}\b", re.I)
_CONTACT = re.compile(
    r"\S+@\S+\.\w+|\bhttps?://|\bwww\.|^\s*(?:t|m|f|tel|phone|ph|fax|cell|mob(?:ile)?|office|direct|"
    r"email|e-mail|skype|"
    r"home|work|pager)\s*[.:#]",
    re.I,
)
_ROLE = re.compile(
    r"\b(?:manager|director|president|engineer|analyst|ceo|cto|cfo|vp|assistant|coordinator|consultant|officer|"
    r"attorney|counsel|inc|llc|ltd|gmbh|corp(?:oration)?|company|bv|b\.v\.|s\.a\.|department|dept|division|group|"
    r"associate|specialist|executive|sales|marketing|university|institute|ph\.?d|esq|suite|floor|street|ave(?:nue)?|"
    r"drive|road|blvd|p\.?o\.? box|services|partner|networks|energy|trading|legal|research|administrator)\b",
    re.I,
)
_NAME_PART = r"(?:[^\W\d_a-z][^\W\d_]*(?:[-'’][^\W\d_]+)*\.?|van|de|der|den|von|la|di|el|bin|y)"
_NAME = re.compile(rf"^[\s*_~-]*(?:{_NAME_PART})(?:\s+{_NAME_PART}){{0,3}}[\s,.*_)]*$")
_LOWER_NAME = re.compile(r"^\s*[-~]?\s*[^\W\d_]{1,12}\s*[.!]?\s*$")
_DISCLAIMER = re.compile(
    r"confidential|intended (?:only|solely)? ?for|unsubscribe|vertraulich|confidentiel|riservat|vertrouwelijk|"
    r"privileged|disclaimer|informazioni contenute",
    re.I,
)
_LONGEST_BLOCK = 12
_NOT_A_NAME = frozenset(
    "yes no ok okay sure agreed done great hello hi dear attached monday tuesday wednesday thursday friday saturday "
    "sunday january february march april may june july august september october november december total thanks "
    "please congratulations cool perfect regarding help".split()
)


def sent_from(line: str) -> bool:
    """Whether the line is what a mail program adds, such as `Sent from my iPhone`."""
    return len(line) < 140 and bool(_SENT_FROM.match(line))


def cut_signature(lines: list[str]) -> int:
    """Index of the first line of the signature, `len(lines)` if there is none.

    A plain `Thanks,` and a first name belong to the message; delimiters, formal closings, blocks of contact
    data and disclaimers do not.
    """
    first = next((at for at, line in enumerate(lines) if line.strip()), len(lines))
    opens = (at for at in range(first + 1, len(lines)) if _opens_signature(lines, at))
    end = next(opens, len(lines))
    return min([*_contact_block(lines[:end]), end])


def _opens_signature(lines: list[str], at: int) -> bool:
    line = lines[at]
    if sent_from(line):
        return True
    formal = _CLOSING.match(line) or (_CLOSING_NAME.match(line) and not _THANK.match(line.split(",")[0]))
    if not formal and not _DELIMITER.match(line):
        return False
    below = list(islice((s for s in islice(lines, at + 1, None) if s.strip()), _LONGEST_BLOCK + 1))
    return _is_short(below) and not (formal and len(below) > _LONGEST_BLOCK)


def signature_lines(text: str) -> list[int]:
    """One 0 or 1 per line of `text`: 1 where the line belongs to the writer's signature."""
    lines = text.split("\n")
    marks = [0] * len(lines)
    for at in _block(lines):
        marks[at] = 1
    return marks


def _is_short(lines: list[str]) -> bool:
    return all(len(s) <= 75 or _CONTACT.search(s) or _DISCLAIMER.search(s) for s in lines[:4])


def _contact_block(lines: list[str]) -> list[int]:
    """The block at the end if it holds contact data, else nothing."""
    block = [at for at in _block(lines) if not _THANK.match(lines[at])]
    strong = [at for at in block if _PHONE.search(lines[at]) or _CONTACT.search(lines[at])]
    names = [at for at in block if _is_name(lines[at])]
    return block if strong and names and strong[-1] > names[0] and min(block) > 0 else []


def _block(lines: list[str]) -> list[int]:
    """Signature lines from the bottom up: contact data, names, roles and the closing words above them."""
    block: list[int] = []
    blanks = 0
    seen_name = False
    for at in range(len(lines) - 1, -1, -1):
        line = lines[at]
        if not line.strip():
            blanks += 1
            continue
        kind = _kind(line, seen_name)
        far = bool(block) and blanks > (2 if kind in ("thanks", "closing", "contact") else 1)
        if not kind or far or len(block) >= _LONGEST_BLOCK:
            break
        if seen_name and kind in ("name", "word") and blanks and not _has_contact(lines, block):
            break
        block.append(at)
        seen_name = seen_name or kind in ("name", "word", "closing")
        blanks = 0
        if kind in ("thanks", "closing", "delimiter"):
            break
    if not seen_name and not any(_kind(lines[at], False) in ("thanks", "contact") for at in block):
        return []
    return sorted(block)


def _has_contact(lines: list[str], block: list[int]) -> bool:
    return any(_PHONE.search(lines[at]) or _CONTACT.search(lines[at]) for at in block)


def _kind(line: str, seen_name: bool) -> str:
    text = line.strip()
    if _DELIMITER.match(line):
        return "delimiter"
    if _CLOSING.match(text) or _CLOSING_NAME.match(text):
        return "closing"
    if _THANK.match(text):
        return "thanks"
    if len(text) > 75 or text.endswith(("?", ":")):
        return ""
    if _is_name(text):
        return "name"
    if len(text.split()) <= 9 and (_PHONE.search(text) or _CONTACT.search(text)):
        return "contact"
    if not seen_name and len(text.split()) <= 7 and _ROLE.search(text) and not text.endswith("."):
        return "role"
    if not seen_name and _LOWER_NAME.match(text) and text.lower().strip("-~.! ") not in _NOT_A_NAME:
        return "word"
    return ""


def _is_name(line: str) -> bool:
    text = line.strip()
    if not _NAME.match(text) or len(text) > 40:
        return False
    return not any(word.lower() in _NOT_A_NAME for word in re.findall(r"[^\W\d_]+", text))
