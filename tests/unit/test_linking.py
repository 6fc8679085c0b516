"""The entry that a conversation rests on is found by its address, or by what the colleague said."""

import numpy as np
import pytest

from deskloop.linking import Links, Quotes
from deskloop.records import KnowledgeEntry


def entry(name, answer, url=None):
    return KnowledgeEntry(id=name, question=f"About {name}?", answer=answer, url=url, language="en", source="faq")


SHOP = [
    entry("time", "Standard delivery takes 2 to 4 working days within the Netherlands."),
    entry("cost", "Standard delivery costs EUR 4.95 within the Netherlands."),
    entry("wash", "Wash down at 30 degrees with down detergent, then into the dryer with two tennis balls."),
    entry("yes", "Yes, we do."),
]


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        ("Hi Ann, standard delivery takes 2 to 4 working days within the Netherlands. Best, Tom", "time"),
        (
            "Two tennis balls in the dryer! And 30 degrees with down detergent for the wash before.",
            "wash",
        ),
        ("Delivery within the Netherlands takes 3 working days as standard.", "time"),
        ("Let me look at this and come back to you.", None),
        ("Yes, we do.", None),
        ("", None),
        ("Standard delivery takes 2 to 4 working days and costs EUR 4.95, both within the Netherlands.", None),
    ],
)
def test_a_reply_that_gives_most_of_one_entry_quotes_it(reply, found):
    assert Quotes(SHOP).of(reply) == found


def test_of_a_long_page_two_sentences_are_enough():
    wash = "Wash down at 30 degrees with down detergent. Put it into the dryer with two tennis balls."
    care = f"Brush boots after each walk. Leather wants wax every three months. {wash} Never iron a membrane jacket."
    shop = [entry("care", f"{care} Repair tears with tape before you wash."), *SHOP[:2]]
    assert Quotes(shop).of(f"Hello Ann, {wash} Kind regards, Tom") == "care"
    assert Quotes(shop).of("Never iron it.") is None


def test_looking_at_rare_words_first_misses_no_quote():
    chance = np.random.default_rng(0)
    vocabulary = np.array([f"{a}{b}ord" for a in "bcdfghjklm" for b in "aeiou"])
    entries = [entry(f"e{n}", " ".join(chance.choice(vocabulary, 12))) for n in range(40)]
    replies = [" ".join(chance.permutation(e.answer.split())[:9]) for e in entries]
    shares = [
        sorted((len(_words(r) & _words(e.answer)) / len(_words(e.answer)), e.id) for e in entries)[-2:]
        for r in replies
    ]
    expected = [best[1] if best[0] >= 0.6 and best[0] - second[0] >= 0.1 else None for second, best in shares]
    assert [Quotes(entries).of(r) for r in replies] == expected
    assert len(set(expected)) > 20


def _words(text):
    return set(text.split())


def test_the_desks_own_address_is_found_on_a_copy_of_the_site():
    links = Links([entry("time", "a b", url="https://shop.example/help/delivery#time")])
    assert links.resolve("http://localhost:8000/help/delivery.html#time") == "time"
    assert links.resolve("https://shop.example/blog") is None
