"""What customers write back is read as they meant it, and what could mean two things is guessed at by nobody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.domain.reporting.scales import SCALES
from workers.domain.sms.reply import NUMBER_WORDS, STOP_WORDS, ReplyKind, read_reply
from workers.domain.types import QuestionKind

SCORES = (
    ("9", 9, ""),
    ("3 trop tard", 3, "trop tard"),
    ("10!", 10, ""),
    ("3/10", 3, ""),
    ("10/10 parfait", 10, "parfait"),
    ("7 out of 10 because slow", 7, "because slow"),
    ("note 3", 3, ""),
    ("Note: 3 car colis cass\u00e9", 3, "car colis cass\u00e9"),
    ("je mets 7", 7, ""),
    ("c\u2019est un 8", 8, ""),
    ("I give 6", 6, ""),
    ("z\u00e9ro", 0, ""),
    ("Ten", 10, ""),
    ("4) trop cher", 4, "trop cher"),
    ("7 mais 2 jours de retard", 7, "mais 2 jours de retard"),
    ("6\ufe0f\u20e3", 6, ""),
    ("\uff19", 9, ""),
    ("1 seul mot: nul", 1, "seul mot: nul"),
    ("Bonjour, 8", 8, ""),
    ("Salut! je mets un 7", 7, ""),
    ("ok 9 merci", 9, "merci"),
    ("I'd give it a 9", 9, ""),
    ("dix sur dix", 10, ""),
    ("\u0663 \u0645\u062a\u0623\u062e\u0631", 3, "\u0645\u062a\u0623\u062e\u0631"),
    ("8 livraison rapide", 8, "livraison rapide"),
    ("huit, bien", 8, "bien"),
    ("Neuf. Merci", 9, "Merci"),
    ("la note est de 7", 7, ""),
    ("\u00ab 9 \u00bb", 9, ""),
    ("[6] moyen", 6, "moyen"),
)
UNSURE = (
    *(
        "55",
        "11",
        "-1",
        "8-9",
        "8 ou 9",
        "3,5",
        "10 min late",
        "10 minutes de retard",
        "3h de retard",
        "10:30",
        "5 stars",
    ),
    *("10\u20ac de trop", "2 x", "un colis est perdu", "commande 9", "1 0", "8 9", "8 et demi", "7\u00bd", "1O"),
    *(
        "0 probl\u00e8me",
        "0 issues so far",
        "z\u00e9ro souci",
        "2 commandes perdues",
        "10 rue Neuve",
        "9 stop",
        "stop 3",
    ),
    *(
        "1er achat",
        "2nd parcel lost",
        "3\u00e8me fois",
        "3 sur 5",
        "4 out of five",
        "dix, neuf",
        "dix-huit",
        "huit colis",
    ),
)


@pytest.mark.parametrize(("text", "score", "comment"), SCORES)
def test_a_score_is_read_with_what_stands_beside_it(text: str, score: int, comment: str) -> None:
    """A number from 0 to 10 at the beginning is the score, the rest is the comment."""
    reply = read_reply(text)
    assert (reply.kind, reply.score, reply.comment) == (ReplyKind.SCORE, score, comment)


@pytest.mark.parametrize("text", UNSURE)
def test_a_number_that_may_be_something_else_is_no_score(text: str) -> None:
    """Minutes, euros, two numbers and numbers off the scale are asked about or read by a person."""
    reply = read_reply(text)
    assert (reply.kind, reply.score, reply.comment) == (ReplyKind.UNSURE, None, text)


@pytest.mark.parametrize(
    ("kind", "text", "score"),
    [
        *(
            (QuestionKind.CSAT, text, score)
            for text, score in (("4", 4), ("5/5 parfait", 5), ("2 sur cinq", 2), ("un", 1))
        ),
        *((QuestionKind.CSAT, text, None) for text in ("9", "0", "6", "4/10", "3/7", "10", "neuf")),
        *((QuestionKind.CES, text, score) for text, score in (("7", 7), ("6/7", 6), ("3 out of seven, slow", 3))),
        *((QuestionKind.CES, text, None) for text in ("8", "0", "7/10", "zero")),
    ],
)
def test_a_score_is_one_of_the_scale_of_its_question(kind: QuestionKind, text: str, score: int | None) -> None:
    """What is off the scale of a CSAT or CES question is not guessed at: it is asked again."""
    reply = read_reply(text, SCALES[kind])
    assert (reply.kind, reply.score) == (ReplyKind.UNSURE if score is None else ReplyKind.SCORE, score)


@pytest.mark.parametrize(
    "text",
    [
        "STOP",
        "Stop.",
        "stopp",
        "Arr\u00eat",
        "ARRETE",
        "stop sms",
        "Stop merci",
        "opt out",
        "\n STOP!",
        "ARRETEZ",
        "svp stop",
        "please stop",
        "STOP 36111",
        "stop36111",
        "d\u00e9sinscription",
        "Opt-out",
        "plus de sms svp",
        "Ne m\u2019envoyez plus de SMS",
        "d\u00e9sabonnez-moi de cette liste",
        "please do not text me again",
        "remove me",
        "je ne veux plus recevoir vos messages",
        "\u0627\u0644\u063a\u0627\u0621",
        "\u05d4\u05e1\u05e8",
    ],
)
def test_a_wish_to_end_it_is_heard_however_it_is_spelt(text: str) -> None:
    """A stop word in capitals, with an accent or misspelt ends it."""
    assert read_reply(text).kind == ReplyKind.STOP


@pytest.mark.parametrize(
    "text",
    [
        "stop being so late, it is annoying",
        "End of story you are bad at this",
        "stop 3",
        "non stop en retard",
        "je voudrais plus de messages sur ma commande",
        "je ne veux plus attendre",
        "9 stop",
    ],
)
def test_a_sentence_is_no_command(text: str) -> None:
    """A sentence that begins with a stop word, or one with a number, opts nobody out."""
    assert read_reply(text).kind != ReplyKind.STOP


@pytest.mark.parametrize(
    "text",
    [
        "rappelez-moi",
        "Appelez moi svp",
        "please call me back",
        "Rufen Sie mich an",
        "pouvez-vous m\u2019appeler ?",
        "je souhaite \u00eatre rappel\u00e9e",
        "contactez-moi svp",
        "please call",
    ],
)
def test_who_wants_to_be_called_is_heard(text: str) -> None:
    """A wish for a call is one, alone or beside a score."""
    assert read_reply(text).kind == ReplyKind.CALL
    scored = read_reply(f"2 {text}")
    assert (scored.kind, scored.score, scored.wants_contact) == (ReplyKind.SCORE, 2, True)


@pytest.mark.parametrize(
    "text", ["HELP", "aide svp", "Qui \u00eates-vous ?", "who is this", "C\u2019est qui ?", "Wer sind Sie?"]
)
def test_who_asks_who_writes_is_helped(text: str) -> None:
    """And is not asked for a number."""
    assert read_reply(text).kind == ReplyKind.HELP


@given(st.text(max_size=300))
def test_every_text_is_read(text: str) -> None:
    """Whatever comes is read as something, and a score is never off the scale."""
    reply = read_reply(text)
    assert (reply.score is not None) == (reply.kind == ReplyKind.SCORE)
    assert reply.score is None or 0 <= reply.score <= 10


@given(st.sampled_from(sorted(STOP_WORDS)), st.sampled_from(["", " ", ".", "!", " \n"]), st.booleans())
def test_every_stop_word_stops(word: str, around: str, is_loud: bool) -> None:
    """Each word of the list ends it in small and capital letters, with signs around it."""
    assert read_reply(around + (word.upper() if is_loud else word) + around).kind == ReplyKind.STOP


@given(st.sampled_from(sorted(NUMBER_WORDS)))
def test_every_number_word_is_its_number(word: str) -> None:
    """A score written as a word in a language that is served is that score."""
    assert read_reply(word.capitalize()).score == NUMBER_WORDS[word]
