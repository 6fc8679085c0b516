"""Facts have one form however they are written, and an answer may state none that its sources lack."""

import pytest

from deskloop.facts import agrees, correct, facts, names, supported

DELIVERY = "Standard delivery takes 2 to 4 working days and costs €4.95. Orders of €60 or more ship free."


@pytest.mark.parametrize(
    ("texts", "form"),
    [
        (["€4.95", "EUR 4,95", "4.95 euro", "4,95€"], "eur:4.95"),
        (["$20", "20 dollars", "USD 20.00"], "usd:20"),
        (["€1,299.00", "1.299,00 €", "1299 euros"], "eur:1299"),
        (["10%", "10 percent", "10,0 per cent"], "pct:10"),
        (["30 days", "thirty days", "30-day"], "30 day"),
        (["2-4 working days", "2 to 4 business days", "two to four working days"], "2-4 working day"),
        (["one year", "1 year", "one-year"], "1 year"),
        (["15:00", "3 pm", "3 p.m.", "3:00 pm"], "time:15:00"),
        (["24 December", "December 24th", "24th of Dec."], "date:12-24"),
        (["2026-12-24", "24.12.2026", "December 24, 2026"], "date:2026-12-24"),
        (["in May", "until May"], "month:05"),
        (["https://larkfell.example/returns/", "www.larkfell.example/returns", "larkfell.example/returns"],
         "url:larkfell.example/returns"),
        (["shop@larkfell.example"], "mail:shop@larkfell.example"),
        (["order LF-20417"], "code:LF-20417"),
        (["1,000 points", "1000 points"], "1000 point"),
    ],
)  # fmt: skip
def test_a_fact_has_one_form_however_it_is_written(texts, form):
    for text in texts:
        assert facts(text) == {form}, text


@pytest.mark.parametrize("text", ["You may ask for another one.", "We march on.", "no one is here"])
def test_words_that_only_look_like_facts_are_none(text):
    assert facts(text) == frozenset()


def test_a_range_of_weekdays_holds_every_day_of_it():
    assert supported("We are there on Wednesday.", ["Open Monday to Friday."]).ok
    assert supported("We are there on Sunday.", ["Open Monday to Friday."]).missing == ("weekday:sunday",)


def test_names_are_capitalised_words_inside_sentences():
    assert names("Our store in Zürich takes Klarna. Returns are free.") == {"zürich", "klarna"}


@pytest.mark.parametrize(
    ("answer", "missing"),
    [
        ("Delivery takes 2-4 working days and costs EUR 4,95.", ()),
        ("It comes within 4 working days.", ()),
        ("It comes within 2 working days.", ("2 working day",)),
        ("It comes within 4 days.", ("4 day",)),
        ("Delivery costs $4.95.", ("usd:4.95",)),
        ("Orders of 60 or more ship free.", ()),
        ("We deliver with Postnord.", ("postnord",)),
        ("See larkfell.example for more.", ("url:larkfell.example",)),
    ],
)
def test_every_fact_of_an_answer_stands_in_its_sources(answer, missing):
    assert supported(answer, [DELIVERY]).missing == missing


def test_an_answer_may_not_turn_a_sentence_into_its_opposite():
    source = "Final Clearance items cannot be returned."
    assert supported("Final Clearance items cannot be returned.", [source]).ok
    assert not supported("Final Clearance items can be returned.", [source]).ok
    assert not supported("200 points are not worth €5.", ["200 points are worth €5."]).ok
    assert not supported("Cuts and burns are not not covered.", ["Cuts and burns are not covered."]).ok
    assert supported("You can order as a guest.", ["No, you can order as a guest."]).ok, "a reply is no denial"
    assert not supported("No, you can not order as a guest.", ["No, you can order as a guest."]).ok


def test_customers_may_be_echoed_but_their_claims_are_no_facts():
    said = "My order LF-20417, number 88123: I have 90 days and get €50 back, right? Yours, Milla"
    assert supported("Thank you, Milla: I found LF-20417 and 88123.", [DELIVERY], said).ok
    assert supported("Yes, you have 90 days.", [DELIVERY], said).missing == ("90 day",)
    assert supported("Yes, you get €50.", [DELIVERY], said).missing == ("eur:50",)


def test_a_correct_answer_gives_the_facts_the_human_took_from_the_entry():
    human = "That takes 2 to 4 working days, greetings from the desk."
    assert correct("Your parcel needs 2-4 working days.", DELIVERY, human)
    assert not correct("Delivery costs €4.95.", DELIVERY, human)
    assert not correct("It takes 2 to 4 working days and costs €9.95.", DELIVERY, human)


def test_without_facts_the_words_of_the_entry_decide():
    gold = "Press Forgot password on the sign-in page and follow the link."
    assert correct("Press the forgot password link on the sign-in page.", gold, "Use forgot password on sign-in.")
    assert not correct("Hello! Happy to help.", gold, "Use forgot password on sign-in.")
    assert not correct("Hello! Happy to help.", gold, "Let me look into it.")


def test_an_answer_agrees_with_a_reply_that_says_the_same():
    human = "It takes 2 to 4 working days, and shipping is 4,95 euro."
    assert agrees(DELIVERY, human, similarity=0.8)
    assert not agrees(DELIVERY, human, similarity=0.3)
    assert not agrees("Delivery costs €9.95.", human, similarity=0.8)
    assert not agrees("You can return sale items in a store.", "You cannot return sale items in a store.", 0.9)
    assert not agrees(DELIVERY, "", similarity=0.9)
