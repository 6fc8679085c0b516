"""The pages as people use them: a real Chromium types, reads, clicks."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from deskloop.database import connect
from deskloop.traffic import Traffic

pytestmark = pytest.mark.web


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh page; a script error or a breach of the content policy fails the test."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    context.set_default_timeout(15_000)
    troubles: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda m: troubles.append(m.text) if "Content Security Policy" in m.text else None)
    yield page
    context.close()
    assert troubles == []


def say(page: Page, text: str) -> None:
    page.get_by_label("Your message").fill(text)
    page.keyboard.press("Enter")


def test_an_answer_streams_in_with_its_sources_and_takes_a_thumb(start, page):
    gate = threading.Event()
    server = start(gate=gate)
    page.goto(server.url)
    expect(page.get_by_role("status").first).to_have_text("Online · version 1")
    say(page, "When do I get my refund?")
    bot = page.locator(".message.bot")
    expect(bot.locator(".bubble")).to_have_text("Refunds ")  # the bot waits at the gate after its first word
    expect(bot).to_have_attribute("aria-busy", "true")
    gate.set()
    expect(bot.locator(".bubble")).to_contain_text("within 5 working days")
    source = bot.get_by_role("list", name="Sources").get_by_role("link")
    expect(source).to_have_text("How does refund work?")
    expect(source).to_have_attribute("href", "https://shop.example/help/refund")
    expect(bot.locator(".bubble a")).to_have_attribute("href", "https://shop.example/help/refunds")
    bot.get_by_role("button", name="Not helpful").click()
    expect(bot.get_by_text("Thank you")).to_be_visible()
    expect(bot.get_by_role("button", name="Not helpful")).to_have_attribute("aria-pressed", "true")
    with server.client() as http:
        assert 'deskloop_feedback_total{thumb="down"} 1.0' in http.get("/metrics").text


def test_what_the_customer_may_have_meant_is_one_click_away(start, page):
    server = start()
    page.goto(server.url)
    say(page, "when is my refnd here")
    offered = page.get_by_role("list", name="Questions we can answer at once").get_by_role("button")
    expect(offered).to_have_text("How does refund work?")
    desk = page.context.new_page()
    desk.goto(f"{server.url}/desk")
    desk.get_by_label("Token").fill("desk-secret")
    desk.keyboard.press("Enter")
    row = desk.get_by_role("list", name="Conversations").get_by_role("button")
    expect(row).to_contain_text("waiting")
    row.click()
    pages = desk.get_by_role("list", name="Help pages").get_by_role("link")
    expect(pages).to_have_attribute("href", "https://shop.example/help/refund")
    page.bring_to_front()
    offered.click()
    expect(page.locator(".bot .bubble").nth(1)).to_contain_text("within 5 working days")
    page.get_by_role("button", name="Helpful", exact=True).click()
    expect(page.get_by_text("Thank you")).to_be_visible()
    page.reload()
    expect(page.get_by_role("list", name="Questions we can answer at once").get_by_role("button")).to_have_count(1)
    desk.bring_to_front()
    expect(row.get_by_text("waiting", exact=True)).to_be_hidden(timeout=10_000)


def test_a_topic_asked_back_offers_questions_and_calls_nobody(start, page):
    server = start()
    page.goto(server.url)
    say(page, "help page")
    offered = page.get_by_role("list", name="Questions we can answer at once").get_by_role("button")
    expect(offered).to_have_text(["How does refund work?", "How does delivery work?"])
    expect(page.get_by_text("A colleague takes over", exact=True)).to_be_hidden()
    page.goto(f"{server.url}/desk")
    page.get_by_label("Token").fill("desk-secret")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nobody is waiting.")).to_be_visible()
    page.get_by_role("button", name="All", exact=True).click()
    page.get_by_role("list", name="Conversations").get_by_role("button").click()
    expect(page.get_by_text("asked back · open · these offered · version 1")).to_be_visible()


def test_a_colleague_replies_with_an_offered_page_and_the_next_training_learns_it(start, page, ask):
    server = start()
    with server.client() as http:
        asked = ask(http, "when is my refnd here").json()["deskloop"]["customer_message_id"]
    page.goto(f"{server.url}/desk")
    page.get_by_label("Token").fill("desk-secret")
    page.keyboard.press("Enter")
    page.get_by_role("list", name="Conversations").get_by_role("button").click()
    page.get_by_role("button", name="Use the answer to “How does refund work?”").click()
    expect(page.get_by_label("Reply to the customer")).to_have_value(re.compile("within 5 working days"))
    page.get_by_role("button", name="Send reply").click()
    expect(page.get_by_text("Sent. The next training learns from it.")).to_be_visible()
    expect(page.get_by_role("list", name="Messages")).to_contain_text("Colleague")
    page.get_by_label("Reply to the customer").fill("Anything else?")
    page.get_by_role("button", name="Send reply").click()
    expect(page.get_by_text("Sent.", exact=True)).to_be_visible()
    (row,) = Traffic(connect(server.settings.database)).reviewed()
    assert row["message_id"] == asked and row["knowledge_url"] == "https://shop.example/help/refund"
    assert row["text"] == "when is my refnd here" and "within 5 working days" in row["reply"]


def test_a_person_takes_over_and_both_sides_see_it(start, page):
    server = start()
    page.goto(server.url)
    say(page, "my tent is on fire, mail anna@gmail.com")
    expect(page.get_by_text("A colleague takes over", exact=True)).to_be_visible()
    expect(page.locator(".bot .after")).to_be_hidden()

    desk = page.context.new_page()
    desk.goto(f"{server.url}/desk")
    desk.get_by_label("Token").fill("wrong")
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("alert").first).to_contain_text("missing or wrong")
    desk.get_by_label("Token").fill("desk-secret")
    desk.keyboard.press("Enter")
    row = desk.get_by_role("list", name="Conversations").get_by_role("button")
    expect(row).to_contain_text("waiting")
    row.click()
    expect(desk.get_by_role("list", name="Messages")).to_contain_text("mail <EMAIL_ADDRESS_1>")
    desk.get_by_role("button", name="Label").click()
    desk.get_by_label("Intent").fill("product_safety")
    desk.get_by_label("Right answer").fill("Call 112 first.")
    desk.get_by_label("The bot may give this answer").check()
    desk.get_by_role("button", name="Save label").click()
    expect(desk.get_by_role("alert").last).to_contain_text("somebody's own data")  # the question names an address
    desk.get_by_label("The bot may give this answer").uncheck()
    desk.get_by_role("button", name="Save label").click()
    expect(desk.get_by_text("Saved.")).to_be_visible()
    desk.get_by_label("Reply to the customer").fill("Are you safe? <b>Call me</b>")
    desk.get_by_role("button", name="Send reply").click()
    expect(desk.get_by_text("Sent.")).to_be_visible()

    page.bring_to_front()
    expect(page.locator(".message.agent .bubble")).to_have_text("Are you safe? <b>Call me</b>")
    expect(page.get_by_text("A colleague is in this chat")).to_be_visible()
    page.reload()
    expect(page.locator(".message")).to_have_count(3)
    expect(page.get_by_text("A colleague takes over", exact=True)).to_be_visible()

    say(page, "refund? yes I am safe")
    expect(page.locator(".message.customer")).to_have_count(2)
    desk.bring_to_front()
    expect(desk.get_by_role("list", name="Messages")).to_contain_text("refund? yes I am safe")
    expect(desk.get_by_text("A colleague is in this chat; the bot is silent.")).to_be_visible()
    desk.get_by_role("button", name="Close", exact=True).click()
    expect(desk.get_by_text("The bot answers in this chat.")).to_be_visible()
    page.bring_to_front()
    expect(page.get_by_text("Our colleague has closed this conversation.")).to_be_visible()
    expect(page.locator(".message.bot")).to_have_count(1)  # the bot kept silent
    say(page, "When do I get my refund?")
    expect(page.locator(".message.bot")).to_have_count(2)
    expect(page.get_by_text("Our colleague has closed this conversation.")).to_be_hidden()


def test_the_desk_shows_releases_and_drift_and_forgets_the_token_on_leaving(start, page):
    server = start()
    server.deploy()
    page.goto(f"{server.url}/desk")
    page.get_by_label("Token").fill("desk-secret")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Releases").click()
    expect(page.get_by_role("row").nth(1)).to_contain_text("2 live")
    expect(page.locator("#history")).to_contain_text("1 → 2 · passed the gate")
    page.get_by_role("button", name="Drift").click()
    expect(page.get_by_text("No check has run yet.")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    page.reload()
    expect(page.get_by_label("Token")).to_be_visible()


def test_without_a_champion_the_page_says_so_and_recovers_by_itself(start, page):
    server = start(champion=False)
    page.goto(server.url)
    expect(page.get_by_role("status").first).to_contain_text("Not answering yet")
    say(page, "refund?")
    expect(page.get_by_role("alert")).to_contain_text("We cannot answer right now")
    server.deploy()
    server.until(lambda s: s["version"] == 1)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".message.bot .bubble")).to_contain_text("within 5 working days")
    expect(page.locator(".message")).to_have_count(2)


def test_the_page_works_where_clients_need_a_key_and_fits_a_phone(start, page):
    server = start(api_key="key-1")
    page.goto(server.url)
    say(page, "delivery? " + "x" * 300)
    expect(page.locator(".message.bot .bubble")).to_contain_text("2 to 3 working days")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="New chat").click()
    expect(page.get_by_role("heading", name=re.compile("How can we help"))).to_be_visible()
    expect(page.locator(".message")).to_have_count(0)
