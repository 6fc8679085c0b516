"""Which language a text is in: function words first, since support messages are short and misspelt,
then a character model (py3langid; Lui and Baldwin 2012) where they do not decide."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

from deskloop.text.tokens import words

_FUNCTION_WORDS = {
    "en": "the a an i is it my you to of and for not have has was what when how can with this that on in do "
    "did are your but please hi hello where why does be from would could there been they we me if just still "
    "no got get at any or as will which so after want order had wrong i'm don't can't it's thanks hey",
    "nl": "de het een ik is mijn je jullie niet en van voor met dat dit op heb heeft was wat wanneer hoe kan "
    "naar maar ook nog er zijn waar waarom bij wil als om aan dan te in hallo graag bestelling geen al goed",
    "de": "der die das ein eine ich ist mein meine sie nicht und von für mit dass dieses auf habe hat war was "
    "wann wie kann zu aber auch noch es sind wo warum bei will wenn um an dann im bitte hallo keine einen den "
    "dem bestellung wurde ihr ihre",
    "fr": "le la les un une je est mon ma vous pas et de pour avec que ce cette sur ai avez était quoi quand "
    "comment peut mais aussi il sont où pourquoi chez veux si au du des bonjour merci ne commande j'ai en mes",
    "es": "el la los un una yo es mi no y de para con que este esta en he ha cuando como puede pero también "
    "son dónde por qué quiero si al del hola gracias pedido mis se lo",
    "it": "il la lo un una io è mio mia non e di per con che questo questa su ho ha era cosa quando come può ma "
    "anche sono dove perché voglio se al del ciao grazie ordine della i le mi",
    "pt": "o a os um uma eu é meu minha não e de para com que este esta em tenho quando como pode mas também são "
    "onde por quero se ao do da olá obrigado pedido no na",
    "pl": "nie jest mi mój moje się na do z że i w czy jak kiedy gdzie mam proszę dzień dobry zamówienie dla to",
}
_CALLED = {
    "ar": "Arabic", "bg": "Bulgarian", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek", "en":
    "English", "es": "Spanish", "et": "Estonian", "fi": "Finnish", "fr": "French", "he": "Hebrew", "hi": "Hindi",
    "hr": "Croatian", "hu": "Hungarian", "it": "Italian", "ja": "Japanese", "ko": "Korean", "lt": "Lithuanian",
    "lv": "Latvian", "nb": "Norwegian", "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese",
    "ro": "Romanian", "ru": "Russian", "sk": "Slovak", "sl": "Slovenian", "sr": "Serbian", "sv": "Swedish", "th":
    "Thai", "tr": "Turkish", "uk": "Ukrainian", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
_LANGUAGES_OF: dict[str, tuple[str, ...]] = {}
for _code, _text in _FUNCTION_WORDS.items():
    for _word in _text.split():
        _LANGUAGES_OF[_word] = (*_LANGUAGES_OF.get(_word, ()), _code)
_MOST_WORDS = 80
_SURE = 0.9
_ENOUGH_LETTERS = 24


def called(code: str) -> str:
    """English name of a language, or its code where it is not among the usual ones."""
    return _CALLED.get(code, code)


def detect(text: str) -> str:
    """ISO 639-1 code, or `und` where the text is too short or mixed to say."""
    tokens = words(text)[:_MOST_WORDS]
    scores = Counter(code for token in tokens for code in _LANGUAGES_OF.get(token, ()))
    best, second = [*scores.most_common(2), ("und", 0), ("und", 0)][:2]
    if best[1] >= 2 and best[1] >= 1.5 * second[1] and best[1] >= 0.15 * len(tokens):
        return best[0]
    letters = "".join(t for t in tokens if t.isalpha())
    foreign = not letters.isascii() and sum(ord(c) > 0x24F for c in letters) > len(letters) / 2
    if len(letters) < (6 if foreign else _ENOUGH_LETTERS):
        return "und"
    code, probability = _model().classify(text if foreign else " ".join(tokens))
    return str(code) if foreign or (probability >= _SURE and code not in ("la", "eo")) else "und"


def function_words() -> frozenset[str]:
    """Words that tell a language and nothing else, of all languages known here."""
    return frozenset(_LANGUAGES_OF)


@cache
def _model() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
