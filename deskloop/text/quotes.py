"""Where the quoted part of a reply begins, in many languages and mail programs. Works on lines alone.

An attribution is told by its parts (a date, an address, a verb of writing), not by one program's sentence,
so that a language's word order or a wrapped line does not hide it.
"""

from __future__ import annotations

import re

_WROTE = (
    r"wrote|writes|schrieb|geschrieben|schreef|heeft .{0,60}geschreven|a écrit|écrit|a ecrit|escribió|escribi[oó]|"
    r"ha scritto|scritto|escreveu|napisał(?:\(a\))?|napisała|skrev|skrifaði|kirjoitti|написал(?:\(а\)|а)?|пишет|"
    r"написав|napsal\(?a?\)?|napísal\(?a?\)?|írta|yazdı|a scris|έγραψε|kirjutas|rašė|je napisa[ol]a?|"
    r"写道|のメール|님이 작성|написа|viết|menulis|כתב|كتب"
)
_VERB_END = re.compile(rf"(?:\b|^|(?<=[^\x00-\x7f]))(?:{_WROTE})\s*(?:[:：]|-{{2,}})?\s*$", re.I)
_VERB_NAME = re.compile(
    rf"^(?:\S+\s+){{1,12}}(?:{_WROTE})\s+(?:[\"'<(]?[^\W\d_a-z][^\s:]*\s*|(?:van|de|von|der)\s+){{1,5}}(?:<[^>]*>\s*)?[:：]$"
)
_TIME = re.compile(
    r"\b\d{1,2}[:.h]\d{2}\b|\b\d{4}-\d{2}-\d{2}\b|\b\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\b|\b(?:19|20)\d{2}\b|\d{4}年"
)
_ADDRESS_END = re.compile(
    r"(?:[<(\[]\s*(?:mailto:)?\s*[^\s<>()]+@[^\s<>()]+\s*[>)\]]|\S+@\S+>?)+\s*[>)\]]*\s*[:：]\s*$"
)
_ANGLE_ADDRESS = re.compile(r"[<(]\s*(?:mailto:)?[^\s<>()]+@[^\s<>()]+")
_DASHED = re.compile(r"^\s*[-_=*]{2,}\s*(?P<words>[^\W\d_][^\n]{2,80}?)\s*[-_=*]{2,}\s*$")
_ORIGINAL = re.compile(
    r"original|origine|urspr|oprindelig|opprinnelig|alkuper|origen|исходн|пересыл|пересл|oryginaln|původn|p[oô]vodn|"
    r"forward|weiterge|doorgestuurd|transf[eé]r|reenviad|inoltrat|encaminhad|przekazan|videresend|vidaresänd|"
    r"vidarebef|edelleen|oorspronk|eredeti|iletilen|orijinal|元のメッセージ|原始|转发|轉寄|전달|転送|p[rř]epo[sš]l|"
    r"yönlendir|edasta|továbbít|redirec[tț]ion|προωθ",
    re.I,
)
_KEYS = {
    "from": "from de von van da od fra från avsender lähettäjä mittente remitente от feladó kimden expéditeur "
    "lähettänyt expediteur afsender отправитель 差出人 发件人 寄件者 보낸사람 von/from gönderen από",
    "date": "date sent envoyé gesendet datum verzonden inviato data enviado fecha dato skickat sendt lähetetty "
    "wysłano дата отправлено odesláno dátum tarih päivämäärä päiväys 日時 发送时间 날짜 送信日時 gönderildi "
    "ημερομηνία",
    "to": "to à an aan a para til till vastaanottaja do кому címzett kime pour destinatario 宛先 收件人 받는사람 "
    "προς",
    "subject": "subject objet betreff onderwerp oggetto asunto assunto emne ämne aihe temat тема předmět tárgy "
    "konu sujet 件名 主题 제목 θέμα predmet",
    "cc": "cc kopie copie cópia copia kopia reply-to antwoord bcc копия",
}
_KEY_OF = {word: key for key, text in _KEYS.items() for word in text.split()}
_HEADER = re.compile(r"^[\s>*_]*([^\W\d_][\w/-]{0,20})(?:[ ](?:le|el|à|par|da|am))?\s*\*{0,2}\s*[:：]\*{0,2}", re.I)
_RULE = re.compile(r"^\s*[-_=*─—]{3,}\s*$")
QUOTED = re.compile(r"^\s{0,3}(?:>|&gt;|\|\s)")


def attribution_length(lines: list[str], at: int) -> int:
    """How many lines from `at` say who wrote the quoted text and when; 0 if they do not."""
    first = lines[at].strip().lstrip("> ").strip("-* ")
    if not first or len(first) > 300 or QUOTED.match(lines[at].replace("> On ", "On ", 1)):
        return 0
    joined = ""
    for length in range(1, min(4, len(lines) - at) + 1):
        part = lines[at + length - 1].strip().lstrip("> ").strip()
        if not part or (length > 1 and _key(part)):
            break
        joined = f"{joined} {part}".strip()
        if _is_attribution(joined):
            return length
        # A first line that carries neither date nor address cannot begin one.
        if length == 1 and not _TIME.search(joined) and not _ANGLE_ADDRESS.search(joined):
            break
    return 0


def _is_attribution(text: str) -> bool:
    if len(text) > 400:
        return False
    dated = bool(_TIME.search(text))
    if dated and _VERB_NAME.match(text):
        return True
    if _VERB_END.search(text):
        return dated or bool(_ANGLE_ADDRESS.search(text))
    if (
        dated
        and re.match(r"^-*\s*(?:On|Am|Le|Op|El|Il|Em|Den|W dniu)\b.*\S+@\S+", text)
        and text.endswith(("-", ":"))
    ):
        return True
    return dated and bool(_ADDRESS_END.search(text))


def opens_original(line: str) -> bool:
    """Whether the line says that an original or forwarded message follows, such as `-----Original Message-----`."""
    found = _DASHED.match(line)
    if found and _ORIGINAL.search(found["words"]) and len(found["words"].split()) <= 8:
        return True
    return bool(re.match(r"^\s*(?:Begin forwarded message|Message du|Début du message réexpédié)\s*:", line, re.I))


def header_block(lines: list[str], at: int) -> bool:
    """Whether the lines from `at` are the headers of a quoted message: From, Sent, To, Subject in some language."""
    if _key(lines[at]) not in ("from", "date", "subject"):
        return False
    seen: set[str] = set()
    misses = 0
    for line in lines[at : at + 9]:
        key = _key(line)
        if key:
            seen.add(key)
        elif not line.strip():
            break
        else:
            misses += 1
            if misses > 3:
                break
    return (len(seen) >= 3 and bool(seen & {"from"})) or seen >= {"from", "subject"} or seen >= {"from", "date"}


def is_rule(line: str) -> bool:
    """A line drawn of dashes, underscores or equal signs."""
    return bool(_RULE.match(line))


def _key(line: str) -> str | None:
    found = _HEADER.match(line)
    return _KEY_OF.get(found[1].lower()) if found else None
