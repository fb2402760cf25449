"""What a reply by SMS means: a score, a word that stops everything, a wish to be called, or something for a person.

People answer as they write: "9", "3 trop tard", "note 7", "zero", "8/10". What could mean two things is not guessed at:
"10 min late" is no ten. Reads texts of any kind and raises nothing.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from workers.domain.reporting.scales import SCALES, Scale
from workers.domain.sms.encoding import without_accents
from workers.domain.types import QuestionKind


class ReplyKind(StrEnum):
    """What a reply is, as far as it can be read."""

    SCORE = "score"
    STOP = "stop"
    HELP = "help"
    CALL = "call"
    TEXT = "text"
    UNSURE = "unsure"  # a number that may be something else


def words_of(text: str) -> frozenset[str]:
    """Return the words of a text as replies are compared: without accents."""
    return frozenset(without_accents(text).split())


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply as it was read; `comment` is what stands beside the score, or the whole text."""

    kind: ReplyKind
    comment: str = ""
    score: int | None = None
    wants_contact: bool = False


STOP_WORDS = words_of(
    "stop stopp stopper stoppez stopall arret arrete arretes arreter arretez arrett desabo desabonner desabonne "
    "desabonnez desabonnement desinscrire desinscris desinscrivez desinscription end quit cancel unsubscribe revoke "
    "optout remove baja alto parar sair cancelar ferma fermate basta cancellami annulla disiscrivimi nie koniec wypisz "
    "afmelden uitschrijven abmelden abbestellen austragen sluta avsluta avregistrera afmeld dezabonare lopeta "
    "\u05d4\u05e1\u05e8 \u05d4\u05e1\u05e8\u05d4 \u062a\u0648\u0642\u0641 \u0625\u064a\u0642\u0627\u0641 "
    "\u0625\u0644\u063a\u0627\u0621"
)
"""Words that end everything when they begin a short reply. Carriers know some of them; the law any reasonable way (47
CFR 64.1200(a)(10) names stop, quit, end, revoke, opt out, cancel and unsubscribe)."""
STOP_PHRASES = frozenset({"opt out", "ne plus recevoir", "plus de sms", "no more texts", "keine sms mehr"})
STOP_SENTENCES = re.compile(
    r"\bn(?:e m)?'(?:envoyez|ecrivez|contactez) plus\b|\b(?:desabonn|desinscri|retir|suppri)\w+[ -]moi\b|"
    r"\bje ne veux plus (?:de|recevoir)\b.*\b(?:sms|messages?|textos?)\b|"
    r"\b(?:do not|don't|dont) (?:text|message|contact|write)\b|\bstop (?:texting|sending|messaging|contacting)\b|"
    r"\b(?:remove me|take me off|opt me out|unsubscribe me|no more (?:texts|sms|messages))\b|"
    r"\bkeine (?:sms|nachrichten) mehr\b|\bno (?:me envien|mas) (?:sms|mensajes)\b"
)
"""What asks for no more messages wherever it stands: in so many words, and about messages."""
COURTESY = words_of("please pls plz svp stp merci thanks thank you ok oui yes bonjour hello hi bitte por favor")
"""Words around a command that change nothing of it."""
A_NUMBER_TO_CALL = re.compile(r"\d{3,}")
"""Digits that are no score, such as the short number that a carrier tells with its own words: STOP 36111."""
HELP_WORDS = words_of("help aide hilfe ayuda aiuto info hulp")
WHO = re.compile(
    r"(?:bonjour,? |hello,? |hi,? |hallo,? )?(?:who(?: is|'s) (?:this|it)|who are you|qui est[ -]ce|c'est qui|"
    r"qui (?:etes[ -]vous|es[ -]tu)|vous etes qui|de la part de qui|wer (?:ist das|sind sie|seid ihr)|"
    r"quien (?:es|eres))[ ?!.]*"
)
"""A question for who writes: the help says so."""
LONGEST_COMMAND = 3
"""Words of a reply that is a command; a sentence that begins with one of these words is a sentence."""
CALLS = re.compile(
    r"\b(?:r?appell?e[rz]?[ -]?moi|(?:me |m'|m' )r?appeler|etre r?appelee?s?|(?:telephone|contacte)[rz]?[ -]moi|"
    r"me (?:telephoner|contacter|joindre)|call me|please call(?: back)?$|(?:phone|ring|contact) me|"
    r"give me a (?:call|ring)|rufen sie (?:mich )?(?:bitte )?(?:mich )?(?:zuruck|an)|ruckruf|"
    r"merci de r?appeler|rappel svp|parler a quelqu'un|"
    r"(?:talk|speak) (?:to|with) (?:someone|somebody|a person|a human)|"
    r"llam[ae]nme|llamame|llameme|(?:ri)?chiamatemi|bel (?:mij|me))\b"
)
NUMBER_WORDS = {
    word: number
    for number, words in enumerate(
        (
            "zero zéro null cero",
            "one un une eins uno een",
            "two deux zwei dos due twee",
            "three trois drei tres tre drie",
            "four quatre vier cuatro quattro",
            "five cinq funf cinco cinque vijf",
            "six sechs seis sei zes",
            "seven sept sieben siete sette zeven",
            "eight huit acht ocho otto",
            "nine neuf neun nueve nove negen",
            "ten dix zehn diez dieci tien",
        )
    )
    for word in words.split()
}
LEADING = words_of(
    "note score mark rating rate ma my la the je moi vous mets met mettrais donne donnerais dirais disons dis i id i'd "
    "d de r plutot i'll give say would you it is est c'est its it's a ein eine gebe ich votre your answer reponse "
    "reply bonjour bonsoir salut hello hi hey hallo hola ciao ok oui yes si ja merci thanks thank"
)
"""Words that may stand before a score, and that say nothing else."""
ARTICLES = words_of("un une a an ein eine uno una een")
"""Words that are a number as well, unless one follows: un 8, a 9."""
UNITS = re.compile(
    r"\s?(?:min(?:ute)?s?|mn|h|hrs?|heures?|hours?|j|jours?|days?|tage?n?|stunden?|semaines?|weeks?|wochen?|mois|months?|"
    r"monate?|ans?|years?|jahre?|fois|times|mal|x|eur(?:os?)?|e|dollars?|%|percent|pour ?cent|kgs?|kms?|m|colis|"
    r"articles?|items?|parcels?|pieces?|stars?|etoiles?|sterne?|am|pm|o|er|ere|i?eme|nde?|st|rd|th|rue|avenue|"
    r"street|produits|commandes|livraisons|personnes|appels|orders|products|"
    r"deliveries|people|calls|e-?mails|problemes?|soucis?|defauts?|reproches?|erreurs?|fautes?|retards?|plaintes?|problems?|"
    r"issues?|complaints?|errors?|faults?|delays?|fehler|mangel|problemas?|problemi|problemen|\u20ac|\$|\u00a3|:\d\d)(?![a-z])"
)
"""What makes a number something other than a score: 10 min, 2 days, 5 euros, 10:30, and 0 problems."""
OUT_OF = re.compile(r"\s*(?:/|sur|out of|von|de|su|van)\s*(10|[0-9]|[a-z]+)(?![0-9a-z])")
"""The end of the scale behind a score: 8/10, 4 sur cinq."""
SCORE = re.compile(r"(10|[0-9])(?![0-9])")
ANOTHER = re.compile(
    r"^\s*(?:-|/|,|\.|or|ou|a|to|oder|und|et|and)\s*\d|^[\s\d.!]*\d[\s.!]*$|"
    r"^\s*[\u00bc\u00bd\u00be]|^\s*(?:et demie?|and a half|y medio|e mezzo)\b"
)
"""Another number right behind, or a part of one: 8-9, 8 or 9, 3,5, 8 and a half, 1 0. Nobody can say which is meant."""
STOPS_BEHIND = re.compile(r"\W*(?:sms )?(?:stop+|arrete?[rz]?|unsubscribe|desabonn\w+|opt ?-?out)\W*")
"""A wish to stop behind a number: which of both was meant, or both, a person reads."""
BLANK = re.compile(r"[\s\"'(*=#:<>\[\u00ab\u201c]*")
FIRST_WORD = re.compile(BLANK.pattern + r"([a-z']+)[\s:=,.!]+(?=\S)")
SEPARATORS = " \t\n.,;:!?-_/()[]<>*\"'=#\u00ab\u00bb\u201c\u201d\u00a0\u202f\ufe0f\u20e3"
LONGEST_REPLY = 2_000


def read_reply(text: str, scale: Scale = SCALES[QuestionKind.NPS]) -> Reply:
    """Return what a reply means to a question of a scale; a number that is none of it may be something else."""
    said = text[:LONGEST_REPLY].strip()
    plain = folded(said)
    words = re.findall(r"[^\W\d_']+(?:'[^\W\d_]+)*|\d+", plain)
    if is_stop(words, plain):
        return Reply(ReplyKind.STOP, said)
    if (words and len(words) <= LONGEST_COMMAND and words[0] in HELP_WORDS) or WHO.fullmatch(plain):
        return Reply(ReplyKind.HELP, said)
    wants_contact = bool(CALLS.search(plain))
    score, comment, is_unsure = score_in(said, plain, scale)
    if score is not None and not scale.takes(score):
        score, comment, is_unsure = None, said, True
    if score is not None:
        return Reply(ReplyKind.SCORE, comment, score, wants_contact)
    if wants_contact:
        return Reply(ReplyKind.CALL, said, None, True)
    return Reply(ReplyKind.UNSURE if is_unsure else ReplyKind.TEXT, said)


def folded(text: str) -> str:
    """Return a text in small letters without accents, sign for sign: places in it are places in the text."""
    return "".join(plain_sign(sign) for sign in text)


def plain_sign(sign: str) -> str:
    """Return one sign without its accent and in small; a sign that would become several stays."""
    if sign == "\N{RIGHT SINGLE QUOTATION MARK}":
        return "'"
    if sign.isdecimal() and not sign.isascii():
        return str(unicodedata.decimal(sign))
    base = without_accents(sign).lower()
    return base if len(base) == 1 else sign


def is_stop(words: list[str], plain: str) -> bool:
    """Tell whether a reply asks for no more messages: a short one that begins with a stop word, or in so many words.

    One with a number that may be a score is none: a person reads what is meant.
    """
    if STOP_SENTENCES.search(plain):
        return True
    command = [word for word in words if word not in COURTESY and not A_NUMBER_TO_CALL.fullmatch(word)]
    if any(word.isdecimal() for word in command):
        return False
    phrase = " ".join(plain.replace("-", " ").strip(SEPARATORS).split())
    if phrase in STOP_PHRASES or " ".join(command) in STOP_PHRASES:
        return True
    begins = re.sub(r"\d+$", "", command[0]) if command else ""
    return len(command) <= LONGEST_COMMAND and begins in STOP_WORDS


def score_in(said: str, plain: str, scale: Scale) -> tuple[int | None, str, bool]:
    """Return the score that a reply begins with, what else it says, and whether it has a number that may be none.

    Words such as "note" or "je mets" may stand before it.
    """
    place = beginning(plain)
    digits = SCORE.match(plain, place)
    if digits:
        score, end = int(digits[1]), digits.end()
    else:
        word = re.match(r"[a-z]+", plain[place:])
        if word is None or word[0] not in NUMBER_WORDS:
            return None, said, bool(re.search(r"\d", plain))
        score, end = NUMBER_WORDS[word[0]], place + word.end()
        if goes_on(plain[end:]) and out_of_highest(plain, end, scale) == end:
            return None, said, True  # "un colis est perdu" is no 1
    behind = out_of_highest(plain, end, scale)
    of_scale, end = behind > end, behind
    rest = plain[end:]
    if not of_scale and (is_something_else(rest) or is_of_another_scale(rest)):
        return None, said, True
    if place and plain[place - 1] in "-+.,":
        return None, said, True
    return score, said[end:].strip(SEPARATORS).strip(), False


def out_of_highest(plain: str, place: int, scale: Scale) -> int:
    """Return where a text goes on behind the end of the scale, which may stand behind a score: 8/10; else the place."""
    match = OUT_OF.match(plain, place)
    if match is None:
        return place
    highest = int(match[1]) if match[1].isdecimal() else NUMBER_WORDS.get(match[1])
    return match.end() if highest == scale.highest else place


def goes_on(rest: str) -> bool:
    """Tell whether a number word is a part of a sentence: what follows is neither nothing nor behind a full stop.

    "huit, bien" is an eight, "huit colis", "dix-huit" and "dix, neuf" are none.
    """
    said = re.findall(r"[a-z]+|\d+", rest)
    if not said:
        return bool(rest.strip(SEPARATORS))
    return not re.match(r"\s*[.,;:!]", rest) or said[0] in NUMBER_WORDS or said[0].isdecimal()


def is_of_another_scale(rest: str) -> bool:
    """Tell whether another end of the scale stands behind a number: 3 out of 5."""
    match = OUT_OF.match(rest)
    return match is not None and (match[1].isdecimal() or match[1] in NUMBER_WORDS)


def beginning(plain: str) -> int:
    """Return where a reply begins to say something: behind blanks, quotes and words that may stand before a score."""
    place = 0
    while match := FIRST_WORD.match(plain, place):
        if match[1] not in LEADING and not (match[1] in ARTICLES and plain[match.end()].isdecimal()):
            break
        place = match.end()
    blank = BLANK.match(plain, place)
    return blank.end() if blank else place


def is_something_else(rest: str) -> bool:
    """Tell whether what follows a number makes it no score, or leaves open which number is meant."""
    return bool(UNITS.match(rest) or ANOTHER.match(rest) or STOPS_BEHIND.fullmatch(rest))
