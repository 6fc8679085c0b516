"""Questions and answers are found in every markup that sites use for them, and menus are not taken for them."""

import json

import pytest

from deskloop.sources.questions import parse_page

MARKUP = {
    "JSON-LD in a graph, wrapped in CDATA, with a line break in a string": (
        """<script type="application/ld+json; charset=utf-8">//<![CDATA[
        {"@context":"https://schema.org","@graph":[{"@type":"WebPage"},{"@type":["WebPage","FAQPage"],
        "mainEntity":[{"@type":"Question","name":"Is it dry?","acceptedAnswer":[{"@type":"Answer","text":"Yes,
        it is."}]}]}]}
        //]]></script>""",
        [("Is it dry?", "Yes, it is.", None)],
    ),
    "microdata whose question has a text of its own": (
        """<div itemscope itemtype="https://schema.org/FAQPage"><div itemprop="mainEntity"
        itemtype="https://schema.org/Question"><h3 itemprop="name">Do you gift-wrap?</h3>
        <p itemprop="text">asking for a friend</p><div itemprop="acceptedAnswer" itemtype="https://schema.org/Answer">
        <div itemprop="text" style="display:none">Yes, free.</div></div></div></div>""",
        [("Do you gift-wrap?", "Yes, free.", None)],
    ),
    "RDFa": (
        """<div vocab="https://schema.org/"><div property="mainEntity" typeof="Question"><h3 property="name">Do you
        rent?</h3><div property="acceptedAnswer" typeof="Answer"><p property="text">No.</p></div></div></div>""",
        [("Do you rent?", "No.", None)],
    ),
    "details and summary": (
        '<details id="a"><summary>Repairs <svg><title>open</title></svg> +</summary>€15, <b>always</b>.</details>',
        [("Repairs", "€15, always.", "#a")],
    ),
    "definition list with two answers, and one in a group": (
        "<dl><dt>Do you rent?</dt><dd>No.</dd><dd>Ask us.</dd><div><dt>Prices</dt><dd>High.</dd></div></dl>",
        [("Do you rent?", "No.\nAsk us.", None), ("Prices", "High.", None)],
    ),
    "Bootstrap accordion, one panel folded, one label that asks nothing": (
        """<div class="accordion-item"><h2 class="accordion-header"><button class="accordion-button"
        data-bs-toggle="collapse" data-bs-target="#c1" aria-expanded="true" aria-controls="c1">Can I return
        it?</button></h2><div id="c1" class="accordion-collapse collapse show">
        <div class="accordion-body">Yes.</div></div></div>
        <div class="accordion-item"><h2 class="accordion-header"><button class="accordion-button collapsed"
        data-bs-toggle="collapse" data-bs-target="#c2" aria-expanded="false" aria-controls="c2">Gift
        cards</button></h2>
        <div id="c2" class="accordion-collapse collapse" hidden><div class="accordion-body">Good for 5 years.</div>
        </div></div>""",
        [("Can I return it?", "Yes.", "#c1"), ("Gift cards", "Good for 5 years.", "#c2")],
    ),
    "Bootstrap 3 links": (
        '<a data-toggle="collapse" href="#p">Is it safe?</a><div id="p" class="panel-collapse">Very.</div>',
        [("Is it safe?", "Very.", "#p")],
    ),
    "Elementor": (
        """<div class="elementor-accordion-item"><div id="t" class="elementor-tab-title" role="tab">
        <span class="elementor-accordion-icon" aria-hidden="true">+</span><a class="elementor-accordion-title">
        Where is my order?</a></div><div class="elementor-tab-content" style="display:none">
        <p>In your account.</p></div></div>""",
        [("Where is my order?", "In your account.", "#t")],
    ),
    "Yoast": (
        """<div class="schema-faq-section" id="faq-1"><strong class="schema-faq-question">Delivery</strong>
        <p class="schema-faq-answer">Two days.</p></div>""",
        [("Delivery", "Two days.", "#faq-1")],
    ),
    "Divi": (
        """<div class="et_pb_toggle"><h5 class="et_pb_toggle_title">Do you ship abroad?</h5>
        <div class="et_pb_toggle_content"><p>To the EU.</p></div></div>""",
        [("Do you ship abroad?", "To the EU.", None)],
    ),
    "names in camel case, with a word for screen readers": (
        """<li class="faqItem"><div class="faqQuestion">Are you open on Sundays?
        <span class="sr-only">Expand</span></div>
        <div class="faqAnswer">No.</div></li>""",
        [("Are you open on Sundays?", "No.", None)],
    ),
    "a page below one question": (
        "<main><h1>How do I return a parcel?</h1><p>Pack it.</p></main>",
        [("How do I return a parcel?", "Pack it.", None)],
    ),
    "an article of a help centre": (
        '<main><h1>Returns</h1><div class="article-body"><p>Pack it.</p><p>Send it.</p></div></main>',
        [("Returns", "Pack it.\nSend it.", None)],
    ),
    "menus that unfold": (
        """<header><button aria-controls="m" aria-expanded="false">Menu</button><div id="m">Home</div></header>
        <button class="navbar-toggler" data-bs-toggle="collapse" data-bs-target="#n">Products</button>
        <div id="n">Tents</div><h1>Welcome</h1><main>We sell tents.</main>""",
        [],
    ),
}


@pytest.mark.parametrize("name", MARKUP)
def test_each_markup_gives_its_questions(name):
    body, wanted = MARKUP[name]
    page = "https://shop.example/help"
    found = parse_page(f"<body>{body}</body>".encode(), page).items
    assert [(i.question, i.answer, i.url) for i in found] == [(q, a, at and page + at) for q, a, at in wanted]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\x00\xff\xfe", b"<" * 5000, b"<div>" * 20_000, b'<script type="application/ld+json">[[',
        b'<h2 class="faq-question">?</h2>' * 3000, b"<dl>" + b"<dt>a?" * 3000,
        b'<a data-toggle="collapse" href>?</a>',
    ],
)  # fmt: skip
def test_broken_pages_hold_nothing(body):
    assert parse_page(body, "https://x.example/").items == []


@pytest.mark.parametrize(
    "odd", ["http://[bad", "http://x:99999999/", "//[", "http://a\u2100b/", "mailto:x", "http://"]
)
def test_an_odd_address_costs_nothing_but_itself(odd):
    ld = json.dumps({"@type": "Question", "name": "Do you ship?", "acceptedAnswer": {"text": "Yes"}, "url": odd})
    page = (f"<base href='{odd}'><link rel=canonical href='{odd}'><a href='{odd}'>x</a><a href='/next'>y</a>"
            f"<script type='application/ld+json'>{ld}</script>")  # fmt: skip
    found = parse_page(page.encode(), "https://x.example/faq", "utf-8")
    assert (found.url, found.links[-1:]) == ("https://x.example/faq", ["https://x.example/next"])
    assert [i.answer for i in found.items] == ["Yes"]


@pytest.mark.parametrize("charset", ["idna", "hex", "zip", "klingon", "unicode_escape", ""])
def test_a_charset_that_is_none_is_not_believed(charset):
    assert len(parse_page(b"<h2>Do you ship?</h2><p>Yes.</p>", "https://x.example/", charset).items) == 1
