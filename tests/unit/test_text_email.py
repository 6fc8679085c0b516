"""E-mails are cut down to what their writer wrote."""

import pytest

from deskloop.text.email import clean_reply, signature_lines, split_email

ASKED = "Hallo, the zip broke after two days.\nCan you help?"


@pytest.mark.parametrize(
    "header",
    [
        "On Tue, 3 Jun 2025 at 10:12, Larkfell <shop@larkfell.example> wrote:",
        "Op di 3 jun 2025 om 10:12 schreef Larkfell <shop@larkfell.example>:",
        "Am 03.06.2025 um 10:12 schrieb Larkfell:",
        "Le mar. 3 juin 2025 à 10:12, Larkfell <shop@larkfell.example> a\nécrit :",
        "El mar, 3 jun 2025 a las 10:12, Larkfell (<shop@larkfell.example>) escribió:",
        "Il giorno mar 3 giu 2025 alle ore 10:12 Larkfell <shop@larkfell.example> ha scritto:",
        "Em ter., 3 de jun. de 2025 às 10:12, Larkfell <shop@larkfell.example> escreveu:",
        "wt., 3 cze 2025 o 10:12 Larkfell <shop@larkfell.example> napisał(a):",
        "Den tis 3 juni 2025 kl 10:12 skrev Larkfell <shop@larkfell.example>:",
        "3.6.2025 10.12 Larkfell <shop@larkfell.example> kirjoitti:",
        "вт, 3 июн. 2025 г. в 10:12, Larkfell <shop@larkfell.example>:",
        "-----Ursprüngliche Nachricht-----",
        "________________________________\nVan: Larkfell <shop@larkfell.example>\nVerzonden: dinsdag 3 juni "
        "2025 10:12"
        "\nAan: Anna\nOnderwerp: Re: rits",
    ],
)
def test_the_thread_below_an_attribution_is_left_out_in_any_language(header):
    mail = f"{ASKED}\n\n{header}\n\n> Thank you for your order.\n> Your team"
    assert clean_reply(mail) == ASKED


def test_an_answer_below_the_quotation_is_kept():
    mail = "On 04/02/2025 06:26 PM, Shop wrote:\n> Which size?\nSize 42 please."
    assert clean_reply(mail) == "Size 42 please."


def test_answers_between_quotations_are_kept():
    mail = "> Which size?\n\nSize 42.\n\n> Which colour?\n\nGreen."
    assert clean_reply(mail) == "Size 42.\n\nGreen."


@pytest.mark.parametrize(
    "tail",
    [
        "-- \nAnna Smit\nLarge Company BV",
        "Sent from my iPhone",
        "Verstuurd vanaf mijn iPad",
        "Kind regards,\n\nAnna Smit\n06-12345678",
        "Mit freundlichen Grüßen\nAnna Smit",
        "Met vriendelijke groet,\nAnna",
        "Anna Smit\nSales Manager, Large Company\nTel: +31 20 555 01 23\nwww.large.example",
    ],
)
def test_signatures_are_left_out(tail):
    assert clean_reply(f"{ASKED}\n\n{tail}\n") == ASKED


@pytest.mark.parametrize(
    "text",
    [
        "I ordered on 12.03.2025 at 10:15 and my wife wrote to you twice.",
        "From: the shop in Utrecht\nI bought a tent and it leaks.",
        "I have three questions:\n- can I return it?\n- who pays?\n- how long does it take?",
        "Order 12345 was sent from your warehouse on Monday -- still nothing here.",
        "Best regards to the team first of all! My parcel arrived today and it is great.",
    ],
)
def test_plain_messages_stay_whole(text):
    assert clean_reply(text) == text


def test_html_and_raw_mime_are_read():
    html = "<div>Where is it?<br></div><blockquote type='cite'><div>We sent it.</div></blockquote>"
    mime = "Message-ID: <1@x>\nFrom: a@example.com\nContent-Type: text/plain; charset=utf-8\n\nWhere is it?\n"
    assert clean_reply(html) == clean_reply(mime) == "Where is it?"


def test_the_parts_of_an_email_are_told_apart():
    body, quoted, signature = split_email("Yes please.\n\n-- \nAnna\n\nOn 1 May 2025, Shop wrote:\n> Shall we?")
    assert (body, "> Shall we?" in quoted, "Anna" in signature) == ("Yes please.", True, True)


def test_signature_lines_are_marked_line_by_line():
    mail = "Please call the driver.\n\nThanks,\n\nAnna Smit\n020-5550123\n"
    assert signature_lines(mail) == [0, 0, 1, 0, 1, 1, 0]
    assert sum(signature_lines("Please call the driver today, it is late.\n")) == 0
