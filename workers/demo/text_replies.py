"""What customers write when the shop asks them by SMS: a number, a number with words, a word, a slip, or nothing.

Drawn from the seed and the natural key of the question, like every other reaction.
"""

from datetime import datetime, timedelta
from random import Random

from workers.demo.reactions import BRIEF_BAD, BRIEF_GOOD, BRIEF_LATE, BRIEF_WISH, came_late, score_of
from workers.demo.shop import Person

SILENT = 0.4
"""The share that writes nothing."""
WAYS = {"number": 34, "with words": 30, "word": 12, "slip": 8, "unclear": 6, "call": 4, "help": 3, "stop": 3}
"""How the others answer, in parts: misspelt or unclear ones are asked once more, or read by a person."""
NUMBER_WORDS = {
    "fr": ("zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix"),
    "en": ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
}
UNCLEAR = {"fr": ("10 min de retard", "8-9"), "en": ("10 min late", "8-9")}
CALL = {"fr": "rappelez-moi svp", "en": "please call me"}
STOP = {"fr": ("STOP", "Stop svp", "arret"), "en": ("STOP", "stop please", "unsubscribe")}
WHY, AGAIN = 0.55, 0.7
"""The shares that give a reason when they are asked for one, and a number when they are asked once more."""


def reply_to_question(seed: int, person: Person, key: str, template: str, anchor: datetime) -> str:
    """Return what a customer writes when they are asked; empty for nothing."""
    random = drawn(seed, person, key, "question")
    if random.random() < SILENT:
        return ""
    return one_way(random, person, late=came_late(person, template, anchor), template=template)


def one_way(random: Random, person: Person, *, late: bool, template: str) -> str:
    """Return a reply in one of the ways."""
    score, language = score_of(random, person, template, late=late), person.language
    way = random.choices(tuple(WAYS), tuple(WAYS.values()))[0]
    word = NUMBER_WORDS[language][score]
    replies = {
        "number": str(score),
        "with words": f"{score} {reason_for(random, score, language, late=late)}",
        "word": word,
        "slip": misspelt(word),
        "unclear": random.choice(UNCLEAR[language]),
        "call": f"{score} {CALL[language]}",
        "help": "aide" if language == "fr" else "help",
        "stop": random.choice(STOP[language]),
    }
    return replies[way]


def misspelt(word: str) -> str:
    """Return a word as it is typed in haste: no machine reads a score in it."""
    return f"{word[:-1]}{word[-1] * 3}" if len(word) > 3 else f"{word}z"


def reply_to_why(seed: int, person: Person, key: str, score: int, *, late: bool) -> str:
    """Return the reason that a customer gives for a score when they are asked for it; empty for none."""
    random = drawn(seed, person, key, "why")
    return reason_for(random, score, person.language, late=late) if random.random() < WHY else ""


def reply_again(seed: int, person: Person, key: str, template: str, anchor: datetime) -> str:
    """Return the number that a customer writes when the first reply could not be read; empty for nothing."""
    random = drawn(seed, person, key, "again")
    late = came_late(person, template, anchor)
    return str(score_of(random, person, template, late=late)) if random.random() < AGAIN else ""


def delay_of(seed: int, person: Person, key: str, message: str) -> timedelta:
    """Return how long a customer takes to write: SMS are answered within hours, or not at all."""
    return timedelta(minutes=min(600.0, 3 + drawn(seed, person, key, f"delay/{message}").expovariate(1 / 70)))


def reason_for(random: Random, score: int, language: str, *, late: bool) -> str:
    """Return a reason in a few words."""
    texts = BRIEF_LATE if late and score <= 8 else BRIEF_BAD if score <= 6 else BRIEF_WISH if score <= 8 else BRIEF_GOOD
    return random.choice(texts[language])


def drawn(seed: int, person: Person, key: str, what: str) -> Random:
    """Return the draws of one reply."""
    return Random(f"{seed}/sms/{what}/{person.id}/{key}")
