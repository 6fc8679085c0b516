"""Replies as mail programs write them in 16 languages: 5 styles each, 80 mails.

Written before the rules were widened for them: 73 of the 80 came out right at first."""

import pytest

from deskloop.text.email import clean_reply

# language: words | Gmail's attribution | From, Sent, To, Subject of Outlook | phone's line | closing | forwarded
LANGUAGES = {
    "en": ("Where is my parcel?\nIt left on Monday.",
           "On Tue, 3 Mar 2026 at 09:14, Shop Help <help@shop.example> wrote:",
           "From Sent To Subject", "Sent from my Galaxy", "Kind regards,", "Forwarded message"),
    "de": ("Wo bleibt mein Paket?\nEs ging am Montag raus.",
           "Am Di., 3. März 2026 um 09:14 Uhr schrieb Shop Hilfe <help@shop.example>:",
           "Von Gesendet An Betreff", "Von meinem iPhone gesendet", "Mit freundlichen Grüßen",
           "Weitergeleitete Nachricht"),
    "fr": ("Où est mon colis ?\nIl est parti lundi.",
           "Le mar. 3 mars 2026 à 09:14, Aide Boutique <help@shop.example> a écrit :",
           "De Envoyé À Objet", "Envoyé de mon iPhone", "Bien cordialement,", "Message transféré"),
    "es": ("¿Dónde está mi paquete?\nSalió el lunes.",
           "El mar, 3 mar 2026 a las 9:14, Ayuda (<help@shop.example>) escribió:",
           "De Enviado Para Asunto", "Enviado desde mi iPhone", "Un cordial saludo,", "Mensaje reenviado"),
    "it": ("Dov'è il mio pacco?\nÈ partito lunedì.",
           "Il giorno mar 3 mar 2026 alle ore 09:14 Aiuto <help@shop.example> ha scritto:",
           "Da Inviato A Oggetto", "Inviato da iPhone", "Cordiali saluti", "Messaggio inoltrato"),
    "nl": ("Waar is mijn pakket?\nHet vertrok maandag.",
           "Op di 3 mrt 2026 om 09:14 schreef Winkel <help@shop.example>:",
           "Van Verzonden Aan Onderwerp", "Verstuurd vanaf mijn iPhone", "Met vriendelijke groet,",
           "Doorgestuurd bericht"),
    "pt": ("Onde está a minha encomenda?\nSaiu na segunda.",
           "Em ter., 3 de mar. de 2026 às 09:14, Ajuda <help@shop.example> escreveu:",
           "De Enviada Para Assunto", "Enviado do meu iPhone", "Atenciosamente,", "Mensagem encaminhada"),
    "pl": ("Gdzie jest moja paczka?\nWyszła w poniedziałek.",
           "wt., 3 mar 2026 o 09:14 Pomoc <help@shop.example> napisał(a):",
           "Od Wysłano Do Temat", "Wysłane z iPhone'a", "Z poważaniem,", "Przekazana wiadomość"),
    "sv": ("Var är mitt paket?\nDet skickades i måndags.",
           "Den tis 3 mars 2026 kl 09:14 skrev Butiken <help@shop.example>:",
           "Från Skickat Till Ämne", "Skickat från min iPhone", "Med vänlig hälsning,", "Vidarebefordrat meddelande"),
    "da": ("Hvor er min pakke?\nDen blev sendt mandag.",
           "Den tirs. 3. mar. 2026 kl. 09.14 skrev Butik <help@shop.example>:",
           "Fra Sendt Til Emne", "Sendt fra min iPhone", "Med venlig hilsen", "Videresendt meddelelse"),
    "no": ("Hvor er pakken min?\nDen ble sendt mandag.",
           "tir. 3. mars 2026 kl. 09:14 skrev Butikk <help@shop.example>:",
           "Fra Sendt Til Emne", "Sendt fra min iPhone", "Vennlig hilsen", "Videresendt melding"),
    "fi": ("Missä pakettini on?\nSe lähti maanantaina.",
           "ti 3. maalisk. 2026 klo 9.14 Kauppa <help@shop.example> kirjoitti:",
           "Lähettäjä Lähetetty Vastaanottaja Aihe", "Lähetetty iPhonesta", "Ystävällisin terveisin",
           "Edelleenlähetetty viesti"),
    "cs": ("Kde je můj balík?\nOdešel v pondělí.",
           "út 3. 3. 2026 v 9:14 odesílatel Obchod <help@shop.example> napsal:",
           "Od Odesláno Komu Předmět", "Odesláno z iPhonu", "S pozdravem", "Přeposlaná zpráva"),
    "tr": ("Paketim nerede?\nPazartesi yola çıktı.",
           "Mağaza <help@shop.example>, 3 Mar 2026 Sal, 09:14 tarihinde şunu yazdı:",
           "Kimden Gönderildi Kime Konu", "iPhone'umdan gönderildi", "Saygılarımla,", "Yönlendirilmiş ileti"),
    "ru": ("Где моя посылка?\nОна ушла в понедельник.",
           "вт, 3 мар. 2026 г. в 09:14, Магазин <help@shop.example>:",
           "От Отправлено Кому Тема", "Отправлено с iPhone", "С уважением,", "Пересланное сообщение"),
    "ja": ("荷物はどこですか。\n月曜日に発送されました。",
           "2026年3月3日(火) 9:14 ショップ <help@shop.example>:",
           "差出人 送信日時 宛先 件名", "iPhoneから送信", "よろしくお願いいたします。", "転送メッセージ"),
}  # fmt: skip
QUOTED = "We sent it on Monday.\nIt takes three days."


def _mail(style: str, language: str) -> str:
    body, wrote, keys, phone, closing, forwarded = LANGUAGES[language]
    values = ("Shop <help@shop.example>", "3.3.2026 09:14", "anna@mail.example", "Parcel")
    header = "\n".join(f"{k}: {v}" for k, v in zip(keys.split(), values, strict=True))
    marked = "\n".join(f"> {line}" for line in QUOTED.split("\n"))
    return {
        "gmail": f"{body}\n\n{wrote}\n\n{marked}\n",
        "outlook": f"{body}\n\n{closing}\nAnna Berg\n\n{header}\n\n{QUOTED}\n",
        "phone": f"{body}\n\n{phone}\n\n{wrote}\n\n{QUOTED}\n",
        "footer": f"{body}\n\n-- \nAnna Berg\nBerg AS\n+47 22 33 44 55\nwww.berg.example\n",
        "forwarded": f"{body}\n\n---------- {forwarded} ---------\n{header}\n\n{QUOTED}\n",
    }[style]


@pytest.mark.parametrize("style", ["gmail", "outlook", "phone", "footer", "forwarded"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_only_the_own_words_of_a_reply_are_kept(language, style):
    assert clean_reply(_mail(style, language)) == LANGUAGES[language][0]
