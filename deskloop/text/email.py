"""What a person wrote in an e-mail: without the quoted thread, headers, signature and disclaimers.

Works on decoded text; HTML is turned to text first. Knows nothing about mailboxes.
"""

from __future__ import annotations

import re

from deskloop.text import quotes
from deskloop.text.html import looks_like_html, to_text
from deskloop.text.signature import cut_signature, sent_from, signature_lines

__all__ = ["clean_reply", "message_text", "signature_lines", "split_email"]

_MIME = re.compile(r"\A(?:From [^\n]+\n)?(?:[A-Z][\w-]*:[^\n]*\n(?:[ \t][^\n]*\n)*){3,}\r?\n?", re.I)
_WRAPPED = 50
_BLANK_LINES = re.compile(r"\n{3,}")


def clean_reply(text: str) -> str:
    """The visible reply of an e-mail given as plain text, HTML, or raw MIME."""
    return split_email(text)[0]


def split_email(text: str) -> tuple[str, str, str]:
    """Part an e-mail into (body, quoted, signature), each stripped."""
    lines = message_text(text).split("\n")
    kept, quoted = _unquoted(lines)
    end = cut_signature(kept)
    body = _BLANK_LINES.sub("\n\n", "\n".join(s.rstrip() for s in kept[:end])).strip()
    return body, "\n".join(quoted).strip(), "\n".join(kept[end:]).strip()


def message_text(text: str) -> str:
    """Plain text of an e-mail given as raw MIME, HTML or plain text, with LF line ends."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if _MIME.match(text) and re.search(r"^(?:MIME-Version|Message-ID|Received|Content-Type):", text, re.I | re.M):
        from deskloop.sources.mime import body_text, parse

        return body_text(parse(text.encode("utf-8", "surrogateescape")))
    return to_text(text, quotes=True) if looks_like_html(text) else text


def _unquoted(lines: list[str]) -> tuple[list[str], list[str]]:
    """Lines the writer wrote, and those quoted. An answer between or below quotations is kept."""
    kept: list[str] = []
    quoted: list[str] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        if quotes.opens_original(line) or quotes.header_block(lines, at) or _outlook_rule(lines, at):
            return _without_rule(kept), quoted + lines[at:]
        length = quotes.attribution_length(lines, at)
        if length and not _quote_follows(lines, at + length) and _has_text(kept):
            return _without_rule(kept), quoted + lines[at:]
        if length or quotes.QUOTED.match(line):
            stop = _end_of_quote(lines, at + max(length, 1) if length else at)
            quoted += lines[at:stop]
            at = stop
            continue
        kept.append(line)
        at += 1
        if sent_from(line) and _has_text(kept[:-1]) and not _quote_follows(lines, at):
            return kept, quoted + lines[at:]
    return kept, quoted


def _outlook_rule(lines: list[str], at: int) -> bool:
    below = next((i for i in range(at + 1, min(at + 4, len(lines))) if lines[i].strip()), None)
    return quotes.is_rule(lines[at]) and below is not None and quotes.header_block(lines, below)


def _without_rule(kept: list[str]) -> list[str]:
    while kept and (not kept[-1].strip() or quotes.is_rule(kept[-1])):
        kept.pop()
    return kept


def _has_text(lines: list[str]) -> bool:
    return any(s.strip() for s in lines)


def _quote_follows(lines: list[str], at: int) -> bool:
    below = next((s for s in lines[at : at + 4] if s.strip()), "")
    return bool(quotes.QUOTED.match(below))


def _end_of_quote(lines: list[str], at: int) -> int:
    """First line after the quotation at `at`. A long line's remainder that lost its mark still belongs to it."""
    while at < len(lines) and not lines[at].strip():
        at += 1
    while at < len(lines) and quotes.QUOTED.match(lines[at]):
        long = len(lines[at]) >= _WRAPPED
        at += 1
        if long and at + 1 < len(lines) and lines[at].strip() and quotes.QUOTED.match(lines[at + 1]):
            at += 1
        while at < len(lines) and not lines[at].strip() and _quote_follows(lines, at):
            at += 1
    return at
