"""Learn the weights of `deskloop/text/tagger.py` from sentences made of our templates and Faker's word lists.

    python benchmarks/train_tagger.py deskloop/text/tagger.json.gz

Seeded: the same Faker gives the same weights. No sentence of a public set is used.
"""

from __future__ import annotations

import gzip
import json
import random
import re
import sys
from pathlib import Path

from deskloop.text import gazetteer, tagger

LOCALES = (
    "en_US en_GB en_CA en_AU en_IE en_NZ en_IN de_DE de_AT fr_FR fr_CH es_ES es_MX it_IT nl_NL nl_BE pt_BR pt_PT "
    "da_DK sv_SE no_NO fi_FI pl_PL cs_CZ hr_HR hu_HU ro_RO tr_TR sl_SI sk_SK"
).split()
SLOT = re.compile(r"\{(\w+)\}")
KINDS = {
    "person": "PERSON", "first": "PERSON", "last": "PERSON", "org": "ORGANIZATION", "city": "LOCATION",
    "country": "LOCATION", "state": "LOCATION", "address": "ADDRESS", "street": "ADDRESS", "zip": "ADDRESS",
    "date": "DATE_TIME", "time": "DATE_TIME",
}  # fmt: skip
TEMPLATES = """
my name is {person} and my parcel has not come
My name is {first}
Hi, {first} here. Where is my order {number}?
hello this is {person} from {city}
This is {person} calling about invoice {number}.
{first} wrote: can you send it again?
{person} ordered the {product} on {date}.
Please send it to {person}, {address}
Ship to {address}
My address is {address}.
The new address: {address}
I moved from {address} to {address} in {month}.
I live at {street}, {city}
I live in {city}, {country}.
I live in {city}.
we are in {country} and the shop does not deliver
Do you ship to {country}?
Do you deliver to {city} or only to {city}?
How long does a parcel to {country} take?
The parcel is stuck in {city} since {date}.
the depot in {city} says it left on {date}
I am {first} {last}, customer number {number}
{person}
{person}, {org}
{org}, {address}
{address}
{city}
Regards, {person}
Kind regards, {first}
Thanks, {first}
Best, {person} {org}
Sincerely, {person}, {org}, {city}
Dear {person}, thank you for your message.
Dear {first}, your {product} has been sent.
Hi {first}, I checked and the refund of {amount} is on its way.
Mr. {last} told me to write to you.
Mrs {last} and Mr {last} both signed.
Dr. {person} works at {org} in {city}.
I spoke with {first} on {date} about this.
your colleague {first} promised a refund
{first} said that {first} would call me
Ask {first} or {person}.
Is {first} available? She helped me with the {product}.
My wife {first} placed the order, the card is on {person}.
my husband {first} paid with the card of {org}
The package was signed by {person} but nobody of that name lives here.
Who is {person}?
Have you heard of {org}?
I work for {org} and we need an invoice
We at {org} ordered {number} units.
The invoice must go to {org}, {address}.
{org} has sent us the wrong {product}
{org} delivered it to {street} instead of {street}.
Our company, {org}, moved to {city}.
is {org} your courier in {country}?
{person} has worked at {org} since {date}.
{first} moved from {city} to {city} in {date}.
{first}'s card was charged twice
{person}'s parcel went to {city}.
Born in {city}, {person} now lives in {state}.
I was born on {date} in {city}
My date of birth is {date}.
My appointment is on {date} at {time}.
call me at {time} on {date}
It was delivered on {date} at {time}
The order of {date} is still open.
Since {date} nothing has happened.
Postcode {zip}, {city}.
{zip} {city}
Can you deliver to {zip}?
{street}
The office is at {street}, {zip} {city}, {country}.
Return it to {org}, {street}, {city} {zip}, {country}.
Send the invoice to {person} at {org}.
"{first}, where are you?" asked {first}.
{first} and {first} went to {city} to see {person}.
The bank in {city} is at {street}.
A letter from {country} reached {person} after two weeks.
Nearest store to {city}, {state}?
What is the weather in {city}?
People in {country} like the {product}.
The song by {person} is called the {product}.
{person} is the manager of {org}.
Please change the name on the account from {person} to {person}.
The ticket is for {first} {last} and {first} {last}.
How do I reach {first} from {org}?
The president of {country} visited {city}.
{first} lives at {address} and {first} at {address}.
During my stay in {city} I met {person}.
as {person} wrote, the {product} is great
Card holder: {person}
Name: {person}
Customer: {person}, city: {city}, country: {country}
Address: {address}
Company: {org}
Contact {person} ({org})
Where is my order {number}?
The {product} does not charge, can I send it back?
I bought the {product} for {amount} and it broke
Can I pay with PayPal or Visa?
My {product} shows error {number}.
How long is the warranty on the {product}?
The refund of {amount} has not arrived yet.
Do you have the {product} in size M?
What are the shipping costs for orders over {amount}?
I want to cancel order {number}.
Please help me, it is urgent!
Yes, that works. Thank you very much.
Thanks for the quick answer!
When does the sale start on Monday or Tuesday?
The app on my iPhone says Error Code {number}.
I got the wrong colour: Navy Blue instead of Forest Green.
Is the {product} compatible with the {product}?
Hello, I have a question about my invoice.
Good morning. Could you tell me the opening hours?
Our Terms and Conditions say 30 days.
The Gift Card has no balance left.
Track And Trace says Out For Delivery
I forgot my password and the Reset Link does not work
Sorry, the Customer Service told me to wait {number} days.
Black Friday prices are better.
Does the {product} come with a USB cable?
Click on My Account, then on Orders.
Returns Policy: what about opened boxes?
Which Size Guide do you use?
It costs {amount} at another shop
I paid {amount} on my card ending in {number}
Will the May collection be restocked? Mark my words.
Grace period of {number} days, right?
The Rose edition is sold out.
Can I get a discount with code {code}?
My coupon {code} is not accepted
what is your phone number
the zip is broken on the jacket
Send me the Return Label please
Delivery Address can not be changed after dispatch
I read the FAQ and the Help Center already.
will it be back in stock soon?
do you have it in black or in another colour, in size {number}?
is it in the box, in the bag or at the counter?
I saw it in the app, at checkout and in my account
from the website I learnt that it is sold out in all sizes
was it sent from the warehouse or from the store?
delivered to the neighbour, to a locker or to the shop
Can someone at support look in the system?
pick it up at home, at work or at the store
it arrived in pieces and in the wrong colour
please send the bill to {org}, not to me
bill {org} for this order, please
{org} pays, so put {org} on the invoice
The account belongs to {org}
""".strip().splitlines()
PRODUCTS = (
    "Trail Tent 2;Summit Jacket;Ridge Backpack 40;Seagate 2;Flash Drive;Galaxy S21;Kindle;Storm Shell;Wool Socks;"
    "Head Torch;Air Mat Pro;camping stove;tent;boots;Winter Parka;Canyon Boots;Everest Down Bag;North Fleece;laptop;"
    "charger;Coffee Maker;Gift Card;Hard Drive;Bluetooth Speaker;Montana Hat;Berlin Sneaker;Victoria Lamp"
).split(";")
SUFFIXES = (
    "Inc;Ltd;LLC;GmbH;AG;BV;SA;SARL;Group;Corp;and Sons;& Sons;Holding;PLC;Partners;Logistics;Systems;Industries;"
    "Company;Co;Solutions;Bank;University;Media;Foods;Consulting;Associates;Enterprises;Technologies;Services"
).split(";")


def main() -> None:
    """Make sentences, hold a tenth of the templates out, learn, report, write."""
    if len(sys.argv) != 2:
        sys.exit("usage: python benchmarks/train_tagger.py OUT.json.gz")
    maker = Maker(7)
    held = set(maker.random.sample(range(len(TEMPLATES)), len(TEMPLATES) // 10))
    made = [(i, maker.sentence(TEMPLATES[i])) for i in range(len(TEMPLATES)) for _ in range(160)]
    words = gazetteer.lists()
    score("held-out templates", tagger.learn([s for i, s in made if i not in held], words, 4, 7), made, held, words)
    weights = tagger.learn([s for _, s in made], words, 5, 7)
    packed = gzip.compress(json.dumps(weights, ensure_ascii=False, sort_keys=True).encode(), mtime=0)
    Path(sys.argv[1]).write_bytes(packed)
    print(f"{len(weights)} features, {len(packed):,} bytes")


def score(name: str, weights: tagger.Weights, made: list, held: set[int], words: tagger.Words) -> None:
    """Token recall and precision of all kinds together."""
    hit = found = wanted = 0
    for i, (tokens, truth) in made:
        if i not in held:
            continue
        said = tagger.tag(tokens, weights, words)
        hit += sum(a != "O" and b != "O" for a, b in zip(said, truth, strict=True))
        found += sum(a != "O" for a in said)
        wanted += sum(b != "O" for b in truth)
    print(f"{name}: recall {hit / max(wanted, 1):.3f}, precision {hit / max(found, 1):.3f}")


class Maker:
    """Fills templates with names, places and numbers of many countries."""

    def __init__(self, seed: int) -> None:
        from faker import Faker

        self.random = random.Random(seed)
        self.fakes = [Faker(locale) for locale in LOCALES]
        for fake in self.fakes:
            fake.seed_instance(seed)

    def sentence(self, template: str) -> tuple[list[str], list[str]]:
        """Tokens and their tags."""
        tokens: list[str] = []
        tags: list[str] = []
        fake = self.random.choice(self.fakes)
        lower = self.random.random() < 0.12
        for at, part in enumerate(SLOT.split(template)):
            text = self.value(part, fake) if at % 2 else part
            small = lower and (at % 2 == 0 or KINDS.get(part) == "PERSON")
            pieces = tagger._TOKEN.findall(text.lower() if small else text)
            tokens += pieces
            tags += [KINDS.get(part, "O") if at % 2 else "O"] * len(pieces)
        return tokens, tags

    def value(self, slot: str, fake: object) -> str:
        """What stands for a slot."""
        pick, r = self.random.choice, self.random
        made = {
            "person": lambda: pick([fake.name, lambda: f"{fake.first_name()} {fake.last_name()}"])(),
            "first": lambda: fake.first_name(),
            "last": lambda: fake.last_name(),
            "city": lambda: fake.city(),
            "country": lambda: pick(self.fakes[:7]).country(),
            "state": lambda: pick([self.fakes[0].state, self.fakes[3].state])(),
            "street": lambda: fake.street_address().replace("\n", ", "),
            "address": lambda: fake.address().replace("\n", pick([", ", "\n", " "])),
            "zip": lambda: fake.postcode(),
            "org": lambda: self.company(fake),
            "date": lambda: fake.date_time().strftime(
                pick(["%d %B %Y", "%B %d, %Y", "%d/%m/%Y", "%Y-%m-%d", "%B %Y", "%d %b"])
            ),
            "time": lambda: pick(["{0}:30", "{0} pm", "{0}:15 am", "{0} o'clock"]).format(r.randint(1, 12)),
            "month": lambda: fake.date_time().strftime("%B"),
            "product": lambda: pick(PRODUCTS),
            "amount": lambda: pick(["{0} euro", "€{0}", "${0}.50", "{0},99 EUR"]).format(r.randint(2, 400)),
            "number": lambda: str(r.randint(2, 10 ** r.randint(1, 8))),
            "code": lambda: f"{pick(['SAVE', 'WINTER', 'HELLO'])}{r.randint(5, 50)}",
        }
        return str(made[slot]())

    def company(self, fake: object) -> str:
        """A company's name of its country, or one of the usual forms."""
        pick = self.random.choice
        last = [fake.last_name() for _ in range(3)]
        return str(
            pick(
                [
                    fake.company,
                    lambda: f"{last[0]} {pick(SUFFIXES)}",
                    lambda: f"{last[0]}-{last[1]}",
                    lambda: f"{last[0]}, {last[1]} and {last[2]}",
                    lambda: f"{fake.city()} {pick(SUFFIXES)}",
                ]
            )()
        )


if __name__ == "__main__":
    main()
