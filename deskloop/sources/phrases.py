"""What the synthetic source knows of English support messages: slots, paraphrase rules, greetings, closings."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

_FIRST = (
    "Anna Bram Celine Daan Emma Finn Greta Hugo Ines Jonas Kim Lars Mila Noor Otto Paul Rosa Sam Tess Yara".split()
)
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday".split()
_MONTHS = "January February March April May June July August September October November December".split()
_COLOURS = "black blue green grey red orange navy olive".split()
_SIZES = "XS S M L XL XXL".split()

Maker = Callable[[re.Match[str], random.Random], str]
Slot = tuple[re.Pattern[str], Maker]


def _digits(match: re.Match[str], chance: random.Random) -> str:
    return match[1] + "".join(str(chance.randint(1 if i == 0 else 0, 9)) for i in range(len(match[2])))


def _one_of(choices: list[str]) -> Callable[[re.Match[str], random.Random], str]:
    def pick(match: re.Match[str], chance: random.Random) -> str:
        word = chance.choice(choices)
        return word if match[0][:1].isupper() else word.lower()

    return pick


def _name(match: re.Match[str], chance: random.Random) -> str:
    return match[1] + chance.choice(_FIRST)


SLOTS: tuple[Slot, ...] = (
    (re.compile(r"\b((?:LF|ORD|INV|RMA)-?)(\d{4,12})\b"), _digits),
    (re.compile(r"(\border(?: number| nr| no)?\.?:? #?)(\d{5,12})\b", re.I), _digits),
    (re.compile(rf"\b(?:{'|'.join(_DAYS)})\b", re.I), _one_of(_DAYS)),
    (
        re.compile(rf"\b(?:{'|'.join(m for m in _MONTHS if m != 'May')})\b"),
        _one_of([m for m in _MONTHS if m != "May"]),
    ),
    (re.compile(rf"(?<=in )(?:{'|'.join(_COLOURS)})\b", re.I), _one_of(_COLOURS)),
    (re.compile(r"(?<=\bsize )(?:XXL|XL|XS|S|M|L)\b"), lambda match, chance: chance.choice(_SIZES)),
    (re.compile(r"((?:my name is|this is|i am|i'm) )(?=[A-Z])[A-Z][a-z]+\b"), _name),
)

_RULES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"\bhow (?:can|do) i\b", ("how would i", "what do i do to", "is there a way to", "what's the way to", "how to")),
    (r"\bcan i\b", ("could i", "am i able to", "is it possible to", "may i", "would i be able to")),
    (r"\bcould you\b", ("can you", "would you", "are you able to", "please could you")),
    (r"\bcan you\b", ("could you", "would you", "are you able to")),
    (r"\bi would like to\b", ("i want to", "i'd like to", "i wish to", "i need to", "im looking to")),
    (r"\bi want to\b", ("i would like to", "i'd like to", "i need to", "i wanna")),
    (r"\bi need to\b", ("i have to", "i must", "i want to")),
    (r"\bwhere is my\b", ("where's my", "what happened to my", "where did my", "any news on my", "no sign of my")),
    (r"\bi have not received\b|\bi haven't received\b", ("i did not get", "i still don't have", "i never got")),
    (r"\bi (?:have )?received\b", ("i got", "i was sent", "they delivered")),
    (r"\bi have\b", ("i've got", "i have got", "there is")),
    (r"\bi bought\b", ("i purchased", "i ordered", "i got")),
    (r"\bi ordered\b", ("i bought", "i placed an order for", "i purchased")),
    (r"\bdoes not work\b|\bdoesn't work\b|\bisn't working\b|\bis not working\b",
     ("won't work", "isn't doing anything", "stopped working", "fails")),
    (r"\bstill\b", ("even now", "yet", "up to now")),
    (r"\bparcel\b", ("package", "delivery", "box", "shipment")),
    (r"\bpackage\b", ("parcel", "box", "delivery", "shipment")),
    (r"\bdelivery\b", ("shipping", "shipment", "the delivery")),
    (r"\brefund\b", ("money back", "reimbursement", "refund")),
    (r"\breturn\b", ("send back", "bring back", "return")),
    (r"\bexchange\b", ("swap", "change", "trade")),
    (r"\bcancel\b", ("call off", "stop", "undo", "withdraw")),
    (r"\bbroken\b", ("damaged", "in pieces", "not in one piece", "defective")),
    (r"\bdamaged\b", ("broken", "dented", "in a bad state")),
    (r"\bcost\b", ("price", "charge", "cost")),
    (r"\bhow much\b", ("what amount", "how many euros", "what")),
    (r"\bhow long\b", ("how many days", "what amount of time", "how much time")),
    (r"\bwhen will\b", ("what day will", "by when will", "how soon will")),
    (r"\bplease\b", ("pls", "please", "plz", "kindly")),
    (r"\bthanks\b|\bthank you\b", ("thx", "thank you", "cheers", "many thanks")),
    (r"\bbecause\b", ("as", "since", "cause", "bc")),
    (r"\bbut\b", ("however", "though", "but")),
    (r"\bvery\b", ("really", "quite", "so")),
    (r"\bproblem\b", ("issue", "trouble", "difficulty")),
    (r"\byesterday\b", ("the other day", "a day ago", "last night")),
    (r"\ba week ago\b|\blast week\b", ("about seven days ago", "last week", "some days ago", "the week before")),
    (r"\btell me\b", ("let me know", "explain to me", "inform me")),
    (r"\bdo you have\b", ("have you got", "do you sell", "is there", "do you carry")),
    (r"\bdo you\b", ("does the shop", "do you guys", "do you")),
    (r"\bi don't\b|\bi do not\b", ("i dont", "i do not", "i don't")),
    (r"\bi am\b", ("i'm", "im", "i am")),
    (r"\bit is\b", ("it's", "its", "it is")),
    (r"\bwhat is\b", ("what's", "whats", "what is")),
    (r"\byou\b", ("u", "you", "you guys")),
    (r"\bwebsite\b|\bweb shop\b|\bsite\b", ("webshop", "page", "online shop", "site")),
    (r"\bjacket\b", ("coat", "rain jacket", "jacket")),
    (r"\bboots\b", ("shoes", "hiking boots", "boots")),
    (r"\bbackpack\b", ("rucksack", "bag", "pack")),
)  # fmt: skip
PARAPHRASES: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(pattern, re.I), choices) for pattern, choices in _RULES
)
GREETINGS = (
    "Hi,", "Hello,", "Hey,", "Hi there,", "Good morning,", "Good afternoon,", "hey", "Hello team,", "Hi!",
    "Quick question:",
    "Hello there.", "hi guys", "Excuse me,", "Dear support,", "Good evening,",
)  # fmt: skip
CLOSINGS = (
    "Thanks!", "Thank you.", "thx", "Please help.", "Thanks in advance.", "Can you help?", "Let me know.", "Cheers",
    "Looking forward to your answer.", "pls answer soon", "Any help is welcome.", "Thank you very much!",
)  # fmt: skip
