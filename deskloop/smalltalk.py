"""Small talk: greetings, thanks, and who asks whether anybody is there, or what it is talking to.

Works on the last message alone. The words are English, with other languages' thanks.
"""

from __future__ import annotations

import re

# a message of these words alone is small talk if one of them is none of the last kind
_ASKING = frozenset("assistance question questions ask".split())
_WANTING = frozenset("help yes".split())  # "thanks for your help" wants none
_CLOSING = frozenset(
    "thanks thank thx ty cheers bye goodbye appreciated danke merci gracias bedankt dank grazie".split()
)
_CONTENT = frozenset(
    "ok okay alright great perfect super cool awesome nice lovely helped helpful works worked solved".split()
)
_GREETING = frozenset("hi hello hey hiya moin".split())
_BESIDE = frozenset(
    "a again all am an and another answer anyone are beaucoup best can clear could day dear doing evening everyone "
    "everything fast for get good got have here how i is it je just like lot many may me more morning much need "
    "now of one please quick really reply s schön sehr short small so some somebody someone something team that "
    "the there this to today too u understood us very vielen want was we weekend wel with would you your".split()
)
_WORDS = _ASKING | _WANTING | _CLOSING | _CONTENT | _GREETING | _BESIDE
_SAME = (
    (r"\bno (thanks|thank you|(more|further|other) questions?)\b|\bgot it\b|\bi see\b|^\W*nope?\W*$", "ok"),
    (r"\bhave a (good|great|nice|lovely)\b", "bye"),
    (r"\bhow (are|r) (you|u)\b|\bhow('?s| is) it going\b", "hello"),
    (r"\bgood (morning|afternoon|evening|day)\b|^\W*(morning|evening)\W*$", "hello"),
)
_THERE = re.compile(r"^\W*((hi|hello|hey)\W+)*(are you|is (any|some)(one|body)|any(one|body)) (still )?there\W*$")
_NOUN = (
    r"(an? |the )?((real|actual|live|automated) )?(chat ?bot|bot|robot|machine|computer|program|ai|human|person|"
    r"chat ?gpt|gpt)"
)
_CALLED = r"^\W*((hi|hello|hey|so|wait|and|sorry)\W+)*([^\W\d_]+[,!]\W*)?"  # a name may stand behind the greeting
_TALKING = r"(talking|speaking|chatting|writing) (to|with)"
_MACHINE = re.compile(
    rf"{_CALLED}((are you|is this|am i {_TALKING}) ((really|just|actually) )?{_NOUN}( or {_NOUN})?|"
    rf"(who|what) are you|who am i {_TALKING}|what('?s| is) your name|"
    r"what can you (do|help( me)? with)( for me)?)( here)?\W*$"
)
REPLIES = {
    "greeting": "Hello! What can I help you with?",
    "opening": "Of course. What would you like to know?",
    "thanks": "You are welcome. I am here if there is anything else.",
    "wordless": "Is there anything that I can help you with?",
    "unclear": "Sorry, I did not understand that. What would you like to know?",
    "waiting": "A colleague has been told and will reply as soon as possible. Is there anything else?",
    "machine": "I am an automated assistant. I answer from our own help pages, and pass on to a colleague what I "
    "cannot answer, or if you would rather have a person. What can I help you with?",
}


def kind(text: str) -> str | None:
    """Which of REPLIES answers it, if it is small talk and nothing else."""
    said = text.lower()
    if _MACHINE.match(said):
        return "machine"
    if _THERE.match(said):
        return "greeting"
    for pattern, same in _SAME:
        said = re.sub(pattern, same, said)
    words = set(re.findall(r"[^\W_]+", said))
    if not words:  # a smile; "???" is impatient
        return ("unclear" if re.search("[?!]", said) else "wordless") if said.strip() else None
    if not words <= _WORDS:
        return None
    if words & _ASKING or (words & _WANTING and not words & _CLOSING):
        return "opening"
    if words & (_CLOSING | _CONTENT) and "?" not in said:
        return "thanks"
    return "greeting" if words & _GREETING else None
