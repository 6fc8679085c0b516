"""How much of a page a written answer must say is learnt from what colleagues write."""

from __future__ import annotations

from typing import Any

import pytest

from deskloop import policy
from deskloop.bot import Bot, Plan
from deskloop.confidence import Confidence
from deskloop.features.index import SearchIndex
from deskloop.records import KnowledgeEntry, Source
from deskloop.settings import Settings

WASH = "Wash the jacket at 30 degrees without softener. Then dry the jacket 20 minutes on low heat."
SHORT = "Wash the jacket at 30 degrees without softener."


@pytest.fixture
def bot(tiny_models: Any) -> Bot:
    from deskloop.features.tiny import TinyEncoder

    index = SearchIndex.build([KnowledgeEntry(id="a", question="Washing?", answer=WASH, source="s")], TinyEncoder())
    return Bot(index, None, None, Confidence(), {}, "generate", Settings())


@pytest.mark.parametrize(("reply", "least"), [(WASH, 1.0), (SHORT, 0.5)])
def test_fullness_is_what_brings_answers_nearest_to_the_replies(bot: Bot, reply: str, least: float) -> None:
    page = Source(id="a", question="Washing?", answer=WASH, url=None, score=1.0)
    plans = [Plan("generate", "Washing?", None, 1.0, 1.0, (page,), None)] * 3
    found = policy.fullest(bot, plans, [SHORT] * 3, [reply] * 3)
    assert found.fullness == least
    assert found.finish(plans[0], SHORT).text == reply
