"""A message in a language the shop does not keep goes to a person, and both the person and the customer are told."""

from dataclasses import replace

import pytest

from deskloop.bot import Bot
from deskloop.confidence import Confidence
from deskloop.features.index import SearchIndex
from deskloop.features.tiny import TinyEncoder
from deskloop.records import KnowledgeEntry
from deskloop.settings import Settings, Shop

ENTRY = KnowledgeEntry(id="late", question="Where is my order?", answer="See the tracking page.", source="s")
DUTCH = "waar blijft mijn bestelling? ik wacht al een week"


@pytest.fixture
def bot():
    return Bot(SearchIndex.build([ENTRY], TinyEncoder()), None, None, Confidence(), {}, "retrieve", Settings())


def answer(bot, shop, text):
    return replace(bot, settings=Settings(shop=shop)).answer([{"role": "user", "content": text}])


@pytest.mark.parametrize("policy", ["route", "set_aside"])
def test_the_bot_hands_it_over_with_the_language_named(bot, policy):
    found = answer(bot, Shop(languages={"en": "keep", "nl": policy}), DUTCH)
    assert (found.kind, found.reason) == ("handoff", "language: nl")
    assert "Dutch" in found.text and "colleague" in found.text


@pytest.mark.parametrize("languages", [{"en": "keep", "nl": "keep"}, ["en", "nl"], {"en": "keep", "other": "keep"}])
def test_a_kept_language_is_not_handed_over_for_its_language(bot, languages):
    assert answer(bot, Shop(languages=languages), DUTCH).reason != "language: nl"
