"""Mail and messages that no customer wrote: auto-replies, bounces, spam. Few rules, each needing company."""

from __future__ import annotations

import re
from email.message import Message

_AUTO_SUBJECT = re.compile(
    r"^\s*(?:(?:re|aw)\s*:\s*)?(?:\[?auto(?:matic|mated)?[ -]?(?:reply|response|replied)|"
    r"out of (?:the )?office|ooo\b|"
    r"abwesen|automatische (?:antwort|abwesenheit|beantwoord)|automatisch antwoord|afwezig|r[ée]ponse automatique|"
    r"absence|respuesta autom|risposta automatica|resposta autom|autosvar|automatick|automatyczna|undeliverable|"
    r"undelivered|delivery (?:status|failure)|mail delivery|returned mail|unzustellbar|"
    r"read(?:ing)? (?:receipt|report)|"
    r"gelezen:|gelesen:|read:|accepted:|declined:)",
    re.I,
)
_AUTO_BODY = re.compile(
    r"(?:i am|i'm|ik ben|ich bin|je suis) (?:currently |momenteel |derzeit |actuellement )?"
    r"(?:out of (?:the )?office|on (?:annual |parental |sick )?leave|on holiday|on vacation|afwezig|nicht im b[uü]ro|"
    r"abwesend|absent|met vakantie|im urlaub)|this is an automat(?:ed|ic) (?:reply|response|message)|"
    r"limited access to (?:my )?e-?mail|do not reply to this (?:e-?mail|message)",
    re.I,
)
_AUTO_SENDER = re.compile(r"^(?:mailer-daemon|postmaster|no-?reply|do-?not-?reply|bounces?)[@+-]", re.I)
_SIGNS = (
    r"\b(?:lottery|jackpot|you(?:'ve| have) (?:won|been selected)|prize|casino|betting)\b",
    r"\b(?:viagra|cialis|pharmacy|weight loss|enlarge|replica watches)\b",
    r"\b(?:bitcoin|crypto(?:currency)?|forex|investment opportunity|passive income|double your)\b",
    r"\b(?:seo|backlinks?|search rankings?|first page of google|web ?traffic|guest posts?|link building)\b",
    r"\b(?:inheritance|next of kin|million (?:us )?(?:dollars|usd|euros?)|barrister|western union|beneficiary)\b",
    r"\b(?:act now|limited[- ]time offer|100% (?:free|guaranteed)|risk[- ]free|click (?:here|below)|no obligation|"
    r"guaranteed (?:results|income)|earn \$?\d|dear (?:friend|webmaster|business owner)|hot singles)\b",
    r"\b(?:business proposal|increase your sales|our (?:marketing|design|development) agency|affordable price|"
    r"bulk e-?mail|leads? generation|web ?design services)\b",
    r"(?:https?://\S+[\s\S]*?){4,}",
    r"\b[A-Z]{4,}\b[\s!]+\b[A-Z]{4,}\b[\s!]+\b[A-Z]{4,}\b[\s!]+\b[A-Z]{3,}\b|!{3,}|\${2,}",
    r"\bunsubscribe\b",
)
_PATTERNS = tuple(re.compile(s, re.I if "[A-Z]{4,}" not in s else 0) for s in _SIGNS)
_WORDY = 7
_ENOUGH = 3
# What a text in lower case must hold for a wordy sign to be there: plain searches cost a tenth of the patterns.
_HINTS = (
    ("lottery", "jackpot", " won", "selected", "prize", "casino", "betting"),
    ("viagra", "cialis", "pharmacy", "weight loss", "enlarge", "replica watches"),
    ("bitcoin", "crypto", "forex", "investment", "passive income", "double your"),
    ("seo", "backlink", "ranking", "first page", "traffic", "guest post", "link building"),
    ("inheritance", "next of kin", "million", "barrister", "western union", "beneficiary"),
    ("act now", "limited", "100%", "risk", "click ", "no obligation", "guaranteed", "earn ", "dear ", "hot singles"),
    ("business", "increase your", "agency", "affordable", "bulk", "leads ", "lead ", "design services"),
)


def is_spam(text: str, flag: str = "") -> bool:
    """Whether a filter said so, or at least three independent signs of spam meet."""
    if flag.strip().lower().startswith("yes"):
        return True
    text = text[:20_000]
    # Two different words of one kind count twice, the rest of the signs once.
    low = text.lower()
    hinted = [p for p, hints in zip(_PATTERNS, _HINTS, strict=False) if any(h in low for h in hints)]
    said = sum(min(2, len({w.lower() for w in p.findall(text)})) for p in hinted)
    if not said and low.count("http") < 4 and "unsubscribe" not in low:
        return False  # one sign alone, shouting, is left: never enough
    return said + sum(bool(p.search(text)) for p in _PATTERNS[_WORDY:]) >= _ENOUGH


def automatic(message: Message, sender: str, subject: str, body: str) -> bool:
    """Whether a machine sent the message: RFC 3834 headers, bounces, out-of-office notes."""
    submitted = str(message.get("Auto-Submitted", "no")).strip().lower()
    marked = (
        not submitted.startswith("no")
        or message.get("X-Autoreply") is not None
        or message.get("X-Autorespond") is not None
        or str(message.get("Precedence", "")).strip().lower() in ("auto_reply", "junk", "bulk", "list")
        or str(message.get("Return-Path", "x")).strip() == "<>"
    )
    if marked or _AUTO_SENDER.match(sender) or _AUTO_SUBJECT.match(subject):
        return True
    return len(body) < 1500 and bool(_AUTO_BODY.search(body[:600]))
