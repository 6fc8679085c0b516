"""Small talk is answered in kind; whatever says more is a question."""

import pytest

from deskloop import smalltalk


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Hello!", "greeting"),
        ("good morning everyone, how are you?", "greeting"),
        ("Good day", "greeting"),
        ("Hi, is anyone there?", "greeting"),
        ("hello, can you help me please?", "opening"),
        ("I have a quick question", "opening"),
        ("great, one more question", "opening"),
        ("thanks, may I ask one more question", "opening"),
        ("thanks for your help, goodbye!", "thanks"),
        ("have a good day", "thanks"),
        ("thanks a lot", "thanks"),
        ("Thanks, that helped!", "thanks"),
        ("ok great, it works now. Have a nice day", "thanks"),
        ("no thanks, that\u2019s all", "thanks"),
        ("No more questions, bye", "thanks"),
        ("nope", "thanks"),
        ("Merci beaucoup!", "thanks"),
        ("\U0001f642", "wordless"),
        ("are you a bot?", "machine"),
        ("Hi, am I talking to a real person or a robot?", "machine"),
        ("what can you do", "machine"),
        ("Hi Ava, who am I talking to?", "machine"),
        ("what's your name?", "machine"),
        ("is this ChatGPT?", "machine"),
        ("hi, how are you?", "greeting"),
        ("hello, how's it going", "greeting"),
        ("thanks, all the best", "thanks"),
        ("???", "unclear"),
    ],
)
def test_small_talk_is_told_by_kind(text, kind):
    assert smalltalk.kind(text) == kind
    assert smalltalk.REPLIES[kind]


@pytest.mark.parametrize(
    "text",
    [
        "ok and how do I return it",
        "thanks for nothing",
        "thanks, but where is my order?",
        "great, it does not work",
        "is everything ok with my order",
        "I need help with my order",
        "I have a question about returns",
        "can I ask for a refund",
        "hi, my tent is wet",
        "are you open",
        "can I talk to a person?",
        "can anyone bring it there",
        "ok no answer",
        "what can you do about my late parcel",
        "are you a member of the climbing club",
        "how many days",
        "how are you going to refund me",
        "what is your name on the invoice",
        " ",
    ],
)
def test_what_says_more_is_none(text):
    assert smalltalk.kind(text) is None
