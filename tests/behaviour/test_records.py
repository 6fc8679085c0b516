"""The suite that a scorecard shows tells a bot that behaves from one that does not, and quotes nobody."""

from __future__ import annotations

import json

from deskloop import behaviour
from deskloop.bot import Bot

HELD_OUT = ("How long does delivery of the tent take?", "How do I get a refund for a backpack?")


def test_every_kind_of_case_has_real_cases_and_most_pass(bot: Bot) -> None:
    found = behaviour.records(bot, HELD_OUT)
    assert {row["suite"] for row in found} == {"minimum functionality", "invariance", "direction"}
    assert {row["case"] for row in found if row["suite"] == "invariance"} == {*behaviour.CHANGES}
    assert all(0 <= row["passed"] <= row["total"] and row["total"] for row in found)
    assert sum(row["passed"] for row in found) >= 0.8 * sum(row["total"] for row in found)
    assert "backpack" not in json.dumps(found)


def test_a_typo_and_a_negation_change_what_they_should() -> None:
    assert behaviour.typo("is delivery free") == "is delviery free"
    assert behaviour.typo("is it") == "is it"
    assert behaviour.negated("The tent is green and is light.") == "The tent is not green and is light."
