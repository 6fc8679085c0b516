"""Two kinds of synthetic message that rules of paraphrase do not give: mixed languages, and look-alikes.

Code-switching: a customer who writes English with words of their own language. Hard negatives: a message in the
words of an in-scope one about something that no shop sells or sends, so that the classifier learns to look at
what is asked for and not at how. Knows words, nothing about records.
"""

from __future__ import annotations

import random
import re

LANGUAGES = ("nl", "de", "fr", "es")
_MOST_SWITCHED = 3  # more, and the message is no longer English

_SWITCHES: dict[str, tuple[str, str, str, str]] = {
    "hello": ("hallo", "hallo", "bonjour", "hola"),
    "hi": ("hoi", "hallo", "salut", "hola"),
    "please": ("alsjeblieft", "bitte", "s'il vous plaît", "por favor"),
    "thanks": ("bedankt", "danke", "merci", "gracias"),
    "thank you": ("dank je wel", "vielen Dank", "merci beaucoup", "muchas gracias"),
    "parcel": ("pakket", "Paket", "colis", "paquete"),
    "package": ("pakketje", "Paket", "colis", "paquete"),
    "order": ("bestelling", "Bestellung", "commande", "pedido"),
    "invoice": ("factuur", "Rechnung", "facture", "factura"),
    "refund": ("terugbetaling", "Rückerstattung", "remboursement", "reembolso"),
    "delivery": ("levering", "Lieferung", "livraison", "entrega"),
    "warranty": ("garantie", "Garantie", "garantie", "garantía"),
    "jacket": ("jas", "Jacke", "veste", "chaqueta"),
    "boots": ("laarzen", "Stiefel", "bottes", "botas"),
    "tent": ("tent", "Zelt", "tente", "tienda de campaña"),
    "backpack": ("rugzak", "Rucksack", "sac à dos", "mochila"),
    "broken": ("kapot", "kaputt", "cassé", "roto"),
    "money": ("geld", "Geld", "argent", "dinero"),
    "today": ("vandaag", "heute", "aujourd'hui", "hoy"),
    "tomorrow": ("morgen", "morgen", "demain", "mañana"),
    "yesterday": ("gisteren", "gestern", "hier", "ayer"),
    "but": ("maar", "aber", "mais", "pero"),
    "and": ("en", "und", "et", "y"),
    "because": ("omdat", "weil", "parce que", "porque"),
}
_SWITCHED = re.compile(
    rf"\b(?:{'|'.join(sorted(map(re.escape, _SWITCHES), key=len, reverse=True))})\b(?![@/.]\w)", re.I
)

_FOREIGN = {
    "thing": ("flight", "visa application", "tax return", "mortgage", "prescription", "train ticket", "scholarship",
              "driving licence", "passport", "library book", "hotel room", "pension"),
    "things": ("exam results", "lab results", "lottery winnings", "concert tickets", "school grades"),
}  # fmt: skip
_ONE = re.compile(
    r"\b(?:parcel|package|order|shipment|delivery|refund|jacket|coat|tent|backpack|rucksack|headlamp|stove|"
    r"sleeping bag|bike|e-bike|gift ?card|voucher|invoice|item|product)\b(?: (?:number )?#?[A-Z]{0,4}-?\d[\d-]*)?",
    re.I,
)
_MANY = re.compile(r"\b(?:boots|shoes|trousers|gloves|socks|poles|points|items|products)\b", re.I)


def switched(text: str, languages: tuple[str, ...], seed: str) -> str | None:
    """`text` with one to three words in one of the languages; None where no word of it is known."""
    chance = random.Random(seed)  # noqa: S311
    found = list(_SWITCHED.finditer(text))
    if not found or not languages:
        return None
    column = LANGUAGES.index(chance.choice(languages))
    chosen = chance.sample(found, min(len(found), chance.randint(1, _MOST_SWITCHED)))
    for match in sorted(chosen, key=lambda m: -m.start()):
        word = _SWITCHES[match[0].lower()][column]
        word = word[:1].upper() + word[1:] if match[0][:1].isupper() else word
        text = text[: match.start()] + word + text[match.end() :]
    return text


def lookalikes(text: str, count: int, seed: str) -> list[str]:
    """At most `count` messages in the same words about something no shop deals with; none where nothing fits."""
    chance = random.Random(seed)  # noqa: S311
    foreign = [(_ONE, word) for word in _FOREIGN["thing"]] + [(_MANY, word) for word in _FOREIGN["things"]]
    chance.shuffle(foreign)
    made = (pattern.sub(word, text) for pattern, word in foreign if pattern.search(text))
    found: dict[str, None] = dict.fromkeys(m for m in made if not (_ONE.search(m) or _MANY.search(m)))
    return list(found)[:count]
