"""What changed in the knowledge, and what past replies say of it."""

import pytest

from deskloop import revision
from deskloop.features.tiny import TinyEncoder
from deskloop.records import KnowledgeEntry

RETURNS = "Send it back within 30 days; the refund is paid within 5 working days."
REPLIES = {"r": ["You can send it back within 30 days and the refund is paid within 5 working days."] * 3}


def entry(id_="r", question="How do I return it?", answer=RETURNS, **other):
    return KnowledgeEntry(id=id_, question=question, answer=answer, source="faq", **other)


def between(new, old, replies=None):
    return revision.between(new, old, replies or {}, TinyEncoder().encode)


def test_equal_knowledge_has_no_changes_whatever_its_order_language_or_date():
    other = entry("d", "How long is delivery?", "Delivery takes 3 days.")
    found = between([entry(language="en"), other], [other, entry()])
    assert found["entries"] == 2
    assert not any(found[how] for how in ("added", "removed", "edited", "against", "astray"))


def test_added_removed_and_edited_entries_are_told_apart():
    new, gone = entry("n", "Do you wrap gifts?", "Yes, for 3 euro."), entry("g", "Is there a shop?", "Yes, in Ghent.")
    found = between([entry(answer=RETURNS + " Bring the receipt."), new], [entry(), gone])
    assert (found["added"], found["removed"], found["edited"]) == (["n"], ["g"], ["r"])
    assert found["questions"] == {"r": "How do I return it?"}


def test_an_entry_that_moved_is_edited_and_not_lost():
    found = between([entry("new", url="https://shop.example/b")], [entry("old", url="https://shop.example/a")])
    assert (found["added"], found["removed"], found["edited"], found["against"]) == ([], [], ["new"], [])


@pytest.mark.parametrize("replies", [REPLIES, {}])
def test_another_figure_goes_against_what_was_said_and_is_about_the_same(replies):
    found = between([entry(answer=RETURNS.replace("30", "14"))], [entry()], replies)
    assert found["against"] == ["r"] and found["astray"] == []


@pytest.mark.parametrize("replies", [REPLIES, {}])
def test_another_wording_is_borne_out(replies):
    found = between([entry(answer=RETURNS.replace("Send it back", "Please send it back"))], [entry()], replies)
    assert found["edited"] == ["r"] and found["against"] == found["astray"] == []


def test_what_colleagues_say_already_is_borne_out_though_the_old_page_said_otherwise():
    said = {"r": [text.replace("30", "14") for text in REPLIES["r"]]}
    assert between([entry(answer=RETURNS.replace("30", "14"))], [entry()], said)["against"] == []


@pytest.mark.parametrize("replies", [REPLIES, {}])
def test_an_answer_about_something_else_is_seen(replies):
    found = between([entry(answer="We are mending our website, come again tomorrow!")], [entry()], replies)
    assert found["against"] == found["astray"] == ["r"]
