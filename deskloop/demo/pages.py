"""The sample shop's FAQ site as static HTML, written the ways that real sites are written.

Some pages carry schema.org FAQPage data, the others only headings or accordions. Knows nothing about serving.
"""

from __future__ import annotations

import json
from html import escape
from pathlib import Path

from deskloop.demo.faq import AFTER_PAGES, BASE, Entry, entries

TITLES = {
    "shipping": "Shipping & delivery",
    "orders": "Your order",
    "returns": "Returns, exchanges & refunds",
    "problems": "Damaged or wrong items",
    "warranty": "Warranty & repairs",
    "payment": "Payment & invoices",
    "offers": "Discount codes",
    "giftcards": "Gift cards",
    "account": "Your account & data",
    "products": "Sizes, care & stock",
    "stores": "Our stores",
    "points": "Pine Points",
    "contact": "Contact",
    "strike": "Courier strike: what it means for you",
    "volt": "Volt e-bike",
}
LEADS = {
    "shipping": "From our warehouse in Tilburg to your door.",
    "orders": "Changed your mind, or your address? Be quick and it is easy.",
    "returns": "It happens: too small, too green, or simply not you.",
    "problems": "We pack with care. When it still goes wrong, we put it right.",
    "warranty": "We would rather repair than replace.",
    "payment": "All about paying safely, and the paperwork after.",
    "offers": "How to get the discount you were promised.",
    "giftcards": "For friends who already own a tent.",
    "account": "Signing in, and everything we know about you.",
    "products": "Choosing gear that fits, and keeping it alive.",
    "stores": "Come in, try on, take your time.",
    "points": "Our way to say thank you.",
    "contact": "There are people behind the shop.",
    "strike": "Couriers in our countries are on strike. Here is what changes.",
    "volt": "Our first e-bike, built in the Netherlands.",
}
LINKED = ("strike", "shipping", "problems", "offers", "giftcards", "account", "points")
HEADED = ("warranty", "stores", "contact")
MODIFIED = {"giftcards": "2025-11-17", "shipping": "2026-02-03", "warranty": "2026-03-12", "points": "2026-01-08"}
_BEFORE, _AFTER = "2025-08-25", "2026-09-01"

# What the shop's own pages turn into a link where they say it.
_MENTIONS = {
    "My Orders": "contact.html",
    "My Warranty": "warranty.html",
    "size chart": "products.html",
    "gift card": "giftcards.html",
    "Pine Points": "points.html",
}


def write_site(folder: Path) -> None:
    """Write the whole site as it was before the after period, into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = [page for page in TITLES if page not in AFTER_PAGES]
    for page in pages:
        (folder / f"{page}.html").write_text(faq_page(page, pages), "utf-8")
    for name, title in (("about", "About us"), ("imprint", "Imprint")):
        lead = "Larkfell Outdoor, an outdoor-gear shop."
        (folder / f"{name}.html").write_text(_page(name, title, lead, _template(f"{name}.html"), pages), "utf-8")
    (folder / "style.css").write_text(_template("style.css"), "utf-8")
    (folder / "robots.txt").write_text(robots(), "utf-8")
    _write_fronts(folder, pages)


def write_after(folder: Path) -> None:
    """Write the files that change when the after period begins: two new pages, index and sitemap."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = list(TITLES)
    for page in AFTER_PAGES:
        (folder / f"{page}.html").write_text(faq_page(page, pages), "utf-8")
    _write_fronts(folder, pages)


def _write_fronts(folder: Path, pages: list[str]) -> None:
    (folder / "index.html").write_text(_index(pages), "utf-8")
    (folder / "sitemap.xml").write_text(sitemap(pages), "utf-8")


def faq_page(page: str, pages: list[str]) -> str:
    """One FAQ page with an anchor for every question."""
    found = [entry for entry in entries() if entry.page == page]
    render = _card if page in LINKED else _heading if page in HEADED else _accordion
    contents = "\n".join(f'<li><a href="#{e.slug}">{escape(e.question, quote=False)}</a></li>' for e in found)
    body = "\n".join(
        [
            f'<p class="crumbs"><a href="index.html">Help</a> / {escape(TITLES[page])}</p>',
            f"<h1>{escape(TITLES[page])}</h1>",
            f'<p class="lead">{escape(LEADS[page], quote=False)}</p>',
            f'<ul class="toc">\n{contents}\n</ul>' if len(found) > 5 else "",
            *(render(entry, page) for entry in found),
        ]
    )
    data = _schema(found) if page in LINKED else ""
    return _page(page, TITLES[page], LEADS[page], body, pages, data)


def sitemap(pages: list[str]) -> str:
    """The sitemap, every page with the day it was last changed."""
    addresses = ["index", *pages, "about", "imprint"]
    rows = "\n".join(
        f"  <url><loc>{BASE}/{_address(name)}</loc><lastmod>{modified(name, pages)}</lastmod></url>"
        for name in addresses
    )
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
    return f"{head}\n{rows}\n</urlset>\n"


def modified(page: str, pages: list[str]) -> str:
    """Day of the page's last change, ISO."""
    grown = AFTER_PAGES[0] in pages and page in ("index", *AFTER_PAGES)
    return _AFTER if grown else MODIFIED.get(page, _BEFORE)


def robots() -> str:
    """Everything may be crawled but the basket and the account."""
    return f"User-agent: *\nDisallow: /basket\nDisallow: /my/\n\nSitemap: {BASE}/sitemap.xml\n"


def _page(name: str, title: str, lead: str, body: str, pages: list[str], data: str = "") -> str:
    nav = "\n".join(_nav(page, name) for page in pages)
    return _template("page.html").format(
        title=escape(title), lead=escape(lead), base=BASE, address=_address(name), data=data, nav=nav,
        body=body.strip(),
    )  # fmt: skip


def _address(name: str) -> str:
    return "" if name == "index" else f"{name}.html"


def _template(name: str) -> str:
    return (Path(__file__).parent / "templates" / name).read_text("utf-8")


def _nav(page: str, current: str) -> str:
    here = ' aria-current="page"' if page == current else ""
    return f'<li><a href="{page}.html"{here}>{escape(TITLES[page])}</a></li>'


def _index(pages: list[str]) -> str:
    cards = "\n".join(
        f'<li><a href="{page}.html">{escape(TITLES[page])}</a><br>{escape(LEADS[page], quote=False)}</li>'
        for page in pages
    )
    body = f'<h1>Help centre</h1>\n<p class="lead">Pick a topic.</p>\n<ul class="cards">\n{cards}\n</ul>'
    return _page("index", "Help centre", "Answers about your order at Larkfell Outdoor.", body, pages)


def _card(entry: Entry, page: str) -> str:
    question = escape(entry.question, quote=False)
    return f'<section class="question" id="{entry.slug}">\n<h3>{question}</h3>\n{_answer(entry, page)}\n</section>'


def _heading(entry: Entry, page: str) -> str:
    return f'<h2 id="{entry.slug}">{escape(entry.question, quote=False)}</h2>\n{_answer(entry, page)}'


def _accordion(entry: Entry, page: str) -> str:
    question = escape(entry.question, quote=False)
    summary = f"<summary>{question}</summary>"
    return f'<details class="question" id="{entry.slug}">\n{summary}\n{_answer(entry, page)}\n</details>'


def _answer(entry: Entry, page: str) -> str:
    """The answer's text unchanged, with the euro sign as an entity here and there and a link where one helps."""
    html = escape(entry.answer, quote=False)
    if len(entry.slug) % 2:
        html = html.replace("€", "&euro;")
    for words, target in _MENTIONS.items():
        if words in html and target != f"{page}.html":
            link = f'<a href="{target}">{words}</a>'
            return f"<p>{html.replace(words, link, 1)}</p>"
    return f"<p>{html}</p>"


def _schema(found: list[Entry]) -> str:
    questions = [
        {
            "@type": "Question",
            "@id": entry.url,
            "url": entry.url,
            "name": entry.question,
            "acceptedAnswer": {"@type": "Answer", "text": entry.answer},
        }
        for entry in found
    ]
    data = {"@context": "https://schema.org", "@type": "FAQPage", "mainEntity": questions}
    return f'<script type="application/ld+json">\n{json.dumps(data, indent=1, ensure_ascii=False)}\n</script>\n'
