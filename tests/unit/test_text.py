"""Normalising, language, HTML, tokens and spam."""

import pytest

from deskloop.text.html import to_text
from deskloop.text.language import detect
from deskloop.text.normalise import normalise
from deskloop.text.spam import is_spam
from deskloop.text.tokens import words


def test_normalising_repairs_and_keeps_the_meaning():
    assert normalise("CafÃ© \u201cNord\u201d\u00a0costs\r\n\r\n\r\n\r\n€4,95\x00 ") == 'Café "Nord" costs\n\n€4,95'


def test_normalising_twice_changes_nothing_more():
    for text in ("ﬁve  ½ jackets\u200b…", "a\u2028b", "naïve  ‘quote’ ", "👍🏽 ok"):
        assert normalise(normalise(text)) == normalise(text)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("wheres my order pls its 2 weeks", "en"),
        ("waar blijft mijn pakket? ik wacht al een week", "nl"),
        ("wann kommt die Lieferung, ich warte noch", "de"),
        ("où est mon colis ? je ne l'ai pas reçu", "fr"),
        ("¿dónde está mi pedido? no ha llegado", "es"),
        ("где мой заказ? жду уже неделю", "ru"),
        ("ok", "und"),
        ("LF-123456", "und"),
    ],
)
def test_languages_of_short_messages(text, language):
    assert detect(text) == language


def test_html_reads_like_the_page():
    html = "<style>x</style><p>One &amp; two</p><ul><li>a<li>b</ul><div style='display:none'>x</div><p>End"
    assert to_text(html) == "One & two\n\n- a\n- b\n\nEnd"


def test_quoted_blocks_are_marked():
    assert to_text("Hi<blockquote>old<blockquote>older</blockquote></blockquote>", quotes=True).endswith("> > older")


def test_deep_html_does_not_break_the_reader():
    assert to_text("<div>" * 30_000 + "x") == "x"


def test_words_fold_case_and_placeholders():
    assert words("Where's <ORDER_NUMBER_2>?") == ["where's", "<order_number>"]


def test_spam_needs_several_signs():
    assert not is_spam("I won a voucher in your lottery, how do I use the code?")
    assert is_spam("Dear business owner, our SEO agency brings you to the first page of Google. Click here!")
