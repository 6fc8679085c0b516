"""One e-mail as a mail program would send it: quoting style, MIME form and encoding. Knows nothing of contents.

The styles follow what the programs do: Gmail and Apple Mail quote below an attribution, Outlook below a block of
headers, Thunderbird above the answer, a Dutch webmailer below a dashed line.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.header import Header
from email.message import MIMEPart
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.utils import format_datetime, formataddr
from html import escape

PROGRAMS = {
    "gmail": "",
    "outlook": "Microsoft Outlook 16.0",
    "outlook_de": "Microsoft Outlook 16.0",
    "apple": "Apple Mail (2.3774.300.61.1.2)",
    "thunderbird": "Mozilla Thunderbird",
    "webmail_nl": "Roundcube Webmail/1.6.1",
    "yahoo_fr": "WebService/1.1.21871 YahooMailIosMobile",
    "desk": "Larkdesk 3.2",
}
_REPLY_MARK = {"outlook": "RE: ", "outlook_de": "AW: ", "webmail_nl": "Antw: "}
_DAYS_NL = "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag".split()
_MONTHS_DE = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split()
_MONTHS_FR = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()
_ZONE = timezone(timedelta(hours=1))


@dataclass(frozen=True)
class Letter:
    """An e-mail before it is sent. `text` is its author's own words, signature included."""

    sender: tuple[str, str]
    to: tuple[str, str]
    subject: str
    at: datetime
    text: str
    program: str = "gmail"
    form: str = "plain"
    charset: str = "utf-8"
    transfer: str = "quoted-printable"
    answers: Letter | None = None
    quoting: bool = True
    inline: bool = False
    extra: tuple[tuple[str, str], ...] = ()

    @property
    def id(self) -> str:
        """Message-ID, from the content."""
        seed = f"{self.sender}{self.at.isoformat()}{self.subject}{self.text}"
        return f"<{hashlib.sha256(seed.encode()).hexdigest()[:26]}@{self.sender[1].split('@')[1]}>"

    @property
    def references(self) -> tuple[str, ...]:
        """Message-IDs of the thread so far, oldest first."""
        return (*self.answers.references, self.answers.id) if self.answers else ()


def subject_of_reply(subject: str, program: str) -> str:
    """The subject as the program writes it on a reply."""
    return f"{_REPLY_MARK.get(program, 'Re: ')}{subject}"


def render(letter: Letter) -> bytes:
    """The message's bytes with LF line ends."""
    text = body(letter)
    message = _mime(letter, text)
    message["From"] = formataddr(letter.sender)
    message["To"] = formataddr(letter.to)
    message["Subject"] = Header(letter.subject, _header_charset(letter.subject, letter.charset)).encode()
    message["Date"] = format_datetime(letter.at.astimezone(_ZONE))
    message["Message-ID"] = letter.id
    if letter.answers:
        message["In-Reply-To"] = letter.answers.id
        message["References"] = " ".join(letter.references)
    if PROGRAMS.get(letter.program):
        message["X-Mailer"] = PROGRAMS[letter.program]
    for name, value in letter.extra:
        message[name] = value
    return message.as_bytes()


def body(letter: Letter) -> str:
    """Own words and what the program quotes, as plain text."""
    before = letter.answers
    if before is None or not letter.quoting:
        return letter.text + "\n"
    if letter.inline:
        return _interleaved(letter, before)
    if letter.program == "thunderbird":
        return f"{attribution(letter.program, before)}\n{_quoted(body(before))}\n\n{letter.text}\n"
    quoted = body(before) if letter.program in ("outlook", "outlook_de", "webmail_nl") else _quoted(body(before))
    return f"{letter.text}\n\n{attribution(letter.program, before)}\n{quoted}\n"


def attribution(program: str, before: Letter) -> str:
    """The line or block with which the program opens what it quotes."""
    name, address = before.sender
    at = before.at.astimezone(_ZONE)
    if program == "outlook":
        rows = (
            ("From", f"{name} <{address}>"),
            ("Sent", at.strftime("%A, %B %-d, %Y %-I:%M %p")),
            ("To", before.to[1]),
        )
        return "_" * 32 + "\n" + _rows((*rows, ("Subject", before.subject)))
    if program == "outlook_de":
        sent = f"{at.day}. {_MONTHS_DE[at.month - 1]} {at:%Y %H:%M}"
        return "\n" + _rows(
            (("Von", f"{name} <{address}>"), ("Gesendet", sent), ("An", before.to[1]), ("Betreff", before.subject))
        )
    if program == "apple":
        return f"> On {at.day} {at:%b %Y}, at {at:%H:%M}, {name} <{address}> wrote:\n>"
    if program == "thunderbird":
        return f"Op {at.day}-{at.month}-{at.year} om {at:%H:%M} schreef {name}:"
    if program == "webmail_nl":
        head = "-----Oorspronkelijk bericht-----\n"
        sent = f"{_DAYS_NL[at.weekday()]} {at:%d-%m-%Y %H:%M}"
        return head + _rows(
            (("Van", address), ("Verzonden", sent), ("Aan", before.to[1]), ("Onderwerp", before.subject))
        )
    if program == "yahoo_fr":
        return f"Le {at.day} {_MONTHS_FR[at.month - 1]} {at:%Y à %H:%M}, {name} <{address}> a écrit :\n"
    return f"On {at:%a}, {at.day} {at:%b %Y} at {at:%H:%M}, {name} <{address}> wrote:\n"


def _rows(rows: tuple[tuple[str, str], ...]) -> str:
    return "\n".join(f"{key}: {value}" for key, value in rows) + "\n"


def _quoted(text: str) -> str:
    return "\n".join(
        f">{line}" if line.startswith(">") else f"> {line}".rstrip() for line in text.rstrip("\n").split("\n")
    )


def _interleaved(letter: Letter, before: Letter) -> str:
    """Answers between the quoted lines: paragraph by paragraph of both."""
    theirs = [p for p in before.text.split("\n\n") if p.strip()]
    mine = [p for p in letter.text.split("\n\n") if p.strip()]
    out = [attribution(letter.program, before)]
    for at in range(max(len(theirs), len(mine))):
        out += [_quoted(theirs[at])] if at < len(theirs) else []
        out += [f"{mine[at]}"] if at < len(mine) else []
    return "\n\n".join(s.strip("\n") for s in out) + "\n"


def _mime(letter: Letter, text: str) -> MIMEPart | MIMEMultipart | MIMENonMultipart:
    if letter.form == "html":
        return _part("html", _own_html(letter) if letter.text.startswith("<") else _html(text), letter)
    if letter.form == "both":
        # The boundary is fixed, so that the same letter gives the same bytes.
        whole = MIMEMultipart("alternative", boundary=f"b{letter.id[1:21]}")
        whole.attach(_part("plain", text, letter))
        whole.attach(_part("html", _html(text), letter))
        return whole
    return _part("plain", text, letter)


def _part(kind: str, text: str, letter: Letter) -> MIMENonMultipart:
    """A text part in the letter's charset. A charset may lie: `claimed=real` writes one and says the other."""
    claimed, _, real = letter.charset.partition("=")
    part = MIMENonMultipart("text", kind, charset=claimed)
    data = text.encode(real or claimed, "replace")
    part["Content-Transfer-Encoding"] = letter.transfer
    part.set_payload(_encoded(data, letter.transfer))
    return part


def _encoded(data: bytes, transfer: str) -> str:
    import base64
    import quopri

    if transfer == "base64":
        return base64.encodebytes(data).decode("ascii")
    if transfer == "quoted-printable":
        return quopri.encodestring(data).decode("ascii")
    return data.decode("ascii", "surrogateescape")


def _own_html(letter: Letter) -> str:
    """A letter written as HTML, above what it answers."""
    before = letter.answers
    quoted = ""
    if before and letter.quoting:
        said = escape(attribution("gmail", before).strip(), quote=False)
        quoted = f'<div class="gmail_quote"><div>{said}<br></div>\n<blockquote>{before.text}</blockquote></div>\n'
    return f"<html><body>\n{letter.text}\n{quoted}</body></html>\n"


def _html(text: str) -> str:
    """HTML of a plain text: paragraphs, and quoted lines in a blockquote."""
    out: list[str] = []
    quoted = False
    for line in text.rstrip("\n").split("\n"):
        inside = line.startswith(">")
        if inside != quoted:
            out.append('<blockquote type="cite">' if inside else "</blockquote>")
            quoted = inside
        shown = escape(line.lstrip("> "), quote=False) if inside else escape(line, quote=False)
        out.append(f"<div>{shown or '<br>'}</div>")
    out += ["</blockquote>"] if quoted else []
    return '<html><body style="font-family:Calibri,sans-serif">\n' + "\n".join(out) + "\n</body></html>\n"


def _header_charset(text: str, charset: str) -> str:
    return "us-ascii" if text.isascii() else charset.partition("=")[0] if charset.startswith("iso") else "utf-8"
