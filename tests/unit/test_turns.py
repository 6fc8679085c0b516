"""A follow-up is told from a question of its own, and what nobody ever named from what is known."""

import pytest

from deskloop import turns

KNOWN = frozenset(f"word{i}" for i in range(turns.FEW_WORDS)) | {"larkfell", "cologne"}


def talk(*said: str) -> list[dict[str, str]]:
    roles = ("user", "assistant")
    return [{"role": roles[i % 2], "content": text} for i, text in enumerate(said)]


def test_the_last_question_and_the_one_before_it():
    messages = talk("What does a return cost?", "It is free.", "and from Germany?")
    assert turns.question(messages) == "and from Germany?"
    assert turns.previous(messages) == "What does a return cost?"
    assert turns.previous(messages[:1]) == ""
    thanked = [*messages[:1], {"role": "user", "content": "ok, thanks!"}, messages[-1]]
    assert turns.previous(thanked) == "What does a return cost?"


def test_the_conversation_up_to_what_the_customer_said_before():
    messages = talk("What does a return cost?", "It is free.", "and from Germany?", "3.95")
    assert turns.before(messages) == messages[:1]
    assert list(turns.before(messages[:2])) == []
    endless = talk(*["hello?"] * 1000)
    assert turns.before(endless) == endless[987:999], "of a long talk the latest part"


def test_a_second_follow_up_is_read_with_what_the_first_one_followed():
    messages = talk("What does a return cost?", "It is free.", "and from Germany?", "3.95", "and France?")
    assert turns.previous(messages) == "What does a return cost?"
    assert turns.previous(talk("and if not?", "?", "or later?")) == "and if not?"


@pytest.mark.parametrize(
    "asked",
    [
        "and from Germany?",
        "what about tents that I bought in a shop last year?",
        "how many days do I have to use it?",
    ],
)
def test_short_or_connected_questions_may_lean_on_what_came_before(asked):
    assert turns.leans(asked)


def test_a_full_question_stands_alone():
    assert not turns.leans("My parcel was delivered yesterday but one of the boxes is missing")


@pytest.mark.parametrize("asked", ["and to Germany?", "What about tents?", "ok, and the second one"])
def test_a_follow_up_that_says_nothing_of_what_it_names_is_elliptical(asked):
    assert turns.elliptical(asked)


@pytest.mark.parametrize(
    "asked", ["and how do I return it?", "what if it was already sent?", "to Germany?", "and I paid"]
)
def test_what_says_something_or_follows_nothing_is_not(asked):
    assert not turns.elliptical(asked)


@pytest.mark.parametrize(
    "text", ["yes, I tried that", "it says expired", "still nothing", "My jacket is broken", "the mail does not come"]
)
def test_what_happened_is_told(text):
    assert turns.states(text)


@pytest.mark.parametrize(
    "text",
    ["I want to return my boots", "it is free?", "on Sundays", "the one in Utrecht", "where is it", "can I wash it"],
)
def test_a_question_or_a_wish_tells_nothing(text):
    assert not turns.states(text)


@pytest.mark.parametrize(
    ("asked", "place"),
    [
        ("the first one", 0),
        ("2", 1),
        ("I meant the second question, please", 1),
        ("option c", 2),
        ("the last one", 2),
    ],
)
def test_one_of_the_offered_questions_is_chosen_by_its_place(asked, place):
    assert turns.choice(asked, 3) == place


@pytest.mark.parametrize("asked", ["the third one", "4", "the second parcel", "one more question: is it free?"])
def test_what_names_no_offered_place_chooses_none(asked):
    assert turns.choice(asked, 2) is None


def test_where_nothing_was_offered_nothing_is_chosen():
    assert turns.choice("the first one", 0) is turns.choice("the last one", 0) is None


def test_a_follow_up_is_answered_only_by_an_entry_that_speaks_of_it():
    told = ["What does a return cost? Free in Belgium; from Germany and France it costs €3.95."]
    assert turns.adds_nothing_unknown("and from Germany?", told)
    assert not turns.adds_nothing_unknown("and from Mars?", told)
    assert turns.adds_nothing_unknown("how much is that?", told), "asks for more of the same"
    assert turns.adds_nothing_unknown("and from Mars?", told, heard=["mars", "price"]), "asked before"


@pytest.mark.parametrize(
    "text",
    [
        "where is <ORDER_NUMBER_1>",
        "order LF-20417 please",
        "mail me at a@b.example",
        "my number is 0612345678",
        "card 4417 1234 5678 9113",
    ],
)
def test_an_own_order_or_address_makes_a_question_particular(text):
    assert turns.particular(text)


def test_plain_questions_are_not_particular():
    assert not turns.particular("Hi, this is <PERSON_1>: do you ship orders above 60 euro for free?")


def test_a_name_that_nobody_used_before_is_strange():
    assert turns.strange_names("How do I reset my Foogle password?", KNOWN) == ["Foogle"]
    assert turns.strange_names("my FooStation is locked", KNOWN) == ["FooStation"]
    assert turns.strange_names("Is the Cologne shop of Larkfell open?", KNOWN) == []


def test_people_may_say_who_they_are():
    assert turns.strange_names("Hello, my name is Zora Quint, where is my parcel?", KNOWN) == []


def test_a_small_vocabulary_calls_nothing_strange():
    assert turns.strange_names("How do I reset my Foogle password?", {"password"}) == []


CARDS = ["Which gift cards do you sell?", "How do I use a gift card?", "Do you repair gear?"]


@pytest.mark.parametrize("asked", ["gift card", "Gift cards?", "hi, I have a question about my gift card please"])
def test_a_topic_that_several_questions_speak_of_is_open(asked):
    assert turns.open_topic(asked, CARDS) == [0, 1]


def test_a_word_of_no_question_is_open_to_all_and_a_word_of_a_later_one_to_the_first_as_well():
    assert turns.open_topic("voucher", CARDS) == [0, 1, 2]
    assert turns.open_topic("repairs", CARDS) == [0, 2]
    assert turns.open_topic("e-bikes", [*CARDS, "How far does the e-bike go?"]) == [0, 3]


@pytest.mark.parametrize(
    "asked",
    ["use gift card", "How do I use a gift card?", "which one", "lost gift card", "sell my gift card today", "?", ""],
)
def test_what_asks_something_is_not_open(asked):
    assert turns.open_topic(asked, CARDS) == []


def test_a_greeting_or_a_wish_around_it_leaves_one_word():
    assert turns.one_word("hi, I need help with refunds please")
    assert not turns.one_word("refund when") and not turns.one_word("?")


def test_what_the_first_question_alone_speaks_of_or_says_is_not_open():
    assert turns.open_topic("repair", ["Do you repair gear?", "How do I use a gift card?"]) == []
    assert turns.open_topic("Returns", ["Returns", "What does a return cost?"]) == []
    assert turns.open_topic("refund", []) == []
