"""What people do with what they get: customers answer or do not, agents call, promoters write.

Every choice is drawn from the seed and the natural key of what is reacted to, never from an order of arrival, so that
the same seed gives the same books on every transport.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import TypedDict

from workers.demo.shop import Person, was_late
from workers.domain.reporting.scales import scale_of

ANSWER_RATE, CLICK_ONLY_RATE, REMINDED_RATE = 0.46, 0.08, 0.22
IMPROVE_RATE, LATE_IMPROVE_RATE, TESTIMONIAL_RATE, PUBLISH_RATE = 0.45, 0.9, 0.55, 0.8
LESS_PLEASED = 0.9
"""Points by which hotels and decorators score lower: nobody answers them in time."""
COMMENT_RATE, WISH_RATE, LOW_COMMENT_RATE, LATE_COMMENT_RATE = 0.22, 0.1, 0.7, 0.85

LATE_FR = (
    "Livraison bien trop tardive.",
    "Colis arrivé avec dix jours de retard.",
    "Le nouveau transporteur est lent.",
)
LATE_EN = ("The parcel came far too late.", "Ten days late, no news meanwhile.", "Your new carrier is slow.")
BAD_FR = ("Lampe arrivée cassée.", "La notice est incompréhensible.", "Personne ne répond au téléphone.")
BAD_EN = ("It arrived broken.", "The instructions make no sense.", "Nobody answers the phone.")
WISH_FR = (
    *("Une ampoule fournie avec la lampe.", "Une notice plus claire.", "Un suivi du colis plus précis."),
    "Chez Lumio, on suit son colis heure par heure.",
)
WISH_EN = (
    *("A bulb in the box.", "Clearer instructions.", "Better tracking of the parcel."),
    "Lumio lets me follow my parcel by the hour.",
)
GOOD_FR = ("Très belle lampe, merci !", "Livraison rapide, emballage soigné.", "Exactement ce que je cherchais.")
GOOD_EN = ("Lovely lamp, thank you!", "Quick delivery, careful packing.", "Just what I was looking for.")
BRIEF_LATE = {"fr": ("trop tard", "livraison trop longue"), "en": ("too late", "took far too long")}
BRIEF_BAD = {"fr": ("lampe cassée", "personne au tel"), "en": ("arrived broken", "nobody on the phone")}
BRIEF_WISH = {"fr": ("notice pas claire", "sans ampoule"), "en": ("leaflet is unclear", "no bulb in the box")}
BRIEF_GOOD = {"fr": ("parfait merci", "super lampe"), "en": ("perfect thanks", "great lamp")}
"""What people write on a telephone."""
OTHER_CAUSES = ("product/defect", "start/instructions", "service/hard_to_reach")
COMPETITOR_RATE = 0.2
COMPETITOR_FR = (
    "Lumio : je vois où est mon colis.",
    "Lumio, les retours y sont gratuits.",
    "Maison Filament, moins cher.",
)
COMPETITOR_EN = ("Lumio: I see where my parcel is.", "Lumio, returns are free there.", "Maison Filament, cheaper.")
DRIVERS_OF_BLAME = {
    "product": 30,
    "service": 20,
    "price": 15,
    "as_described": 12,
    "returns": 10,
    "ordering": 8,
    "other": 5,
}
DRIVERS_OF_A_LATE_PARCEL = {"delivery": 85, "service": 10, "other": 5}
DRIVERS_OF_PRAISE = {"product": 50, "service": 18, "delivery": 14, "as_described": 8, "ordering": 6, "price": 4}
PRAISE_FR = "Je cherchais une lampe douce pour lire le soir. Celle-ci est parfaite, et arrivée en trois jours."
PRAISE_EN = "I wanted a soft light for reading. This one is perfect, and it came in three days."


@dataclass(frozen=True, slots=True)
class Reply:
    """What a customer answers to a mail; `clicks_only` opens the page by a score and sends nothing."""

    at: datetime
    score: int
    comment: str
    wants_contact: bool
    clicks_only: bool = False
    drivers: tuple[str, ...] = ()
    competitor: str | None = None


def reply_to(seed: int, person: Person, key: str, template: str, anchor: datetime, sent: datetime) -> Reply | None:
    """Return how a customer reacts to one survey mail: an answer, a click without one, or nothing."""
    random = Random(f"{seed}/reply/{person.id}/{key}")
    late = came_late(person, template, anchor)
    rate = 0.62 if template == "ask-recovery" or late else ANSWER_RATE
    chance = random.random()
    delay = timedelta(hours=min(200.0, random.lognormvariate(2.2, 1.1)))
    score = score_of(random, person, template, late=late)
    if chance > rate + CLICK_ONLY_RATE:
        return None
    return Reply(
        at=sent + delay,
        score=score,
        comment=comment_of(random, person, score, late=late),
        wants_contact=random.random() < (0.3 if score <= 6 else 0.015),
        clicks_only=chance > rate,
        **reasons_of(Random(f"{seed}/reasons/{person.id}/{key}"), person, score, late=late),
    )


class Reasons(TypedDict):
    """What a customer taps and writes after the score."""

    drivers: tuple[str, ...]
    competitor: str | None


def reasons_of(random: Random, person: Person, score: int, *, late: bool) -> Reasons:
    """Return the drivers that a customer names, late parcels first, and what a passive writes of another company."""
    weights = DRIVERS_OF_A_LATE_PARCEL if late and score <= 8 else DRIVERS_OF_PRAISE if score > 8 else DRIVERS_OF_BLAME
    count = random.choices((0, 1, 2, 3), (25, 45, 22, 8))[0]
    drivers = {random.choices(tuple(weights), tuple(weights.values()))[0] for _ in range(count)}
    writes = 7 <= score <= 8 and random.random() < COMPETITOR_RATE
    words = COMPETITOR_FR if person.language == "fr" else COMPETITOR_EN
    return {"drivers": tuple(sorted(drivers)), "competitor": random.choice(words) if writes else None}


def score_of(random: Random, person: Person, template: str, *, late: bool) -> int:
    """Return a score from 0 to 10: high as a rule, low for a late parcel, better again after a good call."""
    middle = {"ask-recovery": 8.3, "ask-in-use": 8.8, "ask-relationship": 8.6}.get(template, 8.7)
    if late:
        middle = 6.0
    middle -= LESS_PLEASED if person.kind == "trade" else 0.0
    return max(0, min(10, round(random.gauss(middle + 0.5 * person.generous, 1.5))))


def came_late(person: Person, template: str, anchor: datetime) -> bool:
    """Tell whether the parcel that is asked about came late."""
    return template == "ask-delivery" and was_late(person, anchor)


def on_scale(score: int, question: str | None) -> int:
    """Return what somebody answers to another question than the NPS who would give it this score."""
    scale, nps = scale_of(question), scale_of(None)
    return scale.lowest + round((score - nps.lowest) / (nps.highest - nps.lowest) * (scale.highest - scale.lowest))


def comment_of(random: Random, person: Person, score: int, *, late: bool) -> str:
    """Return what the customer writes beside the score, often nothing."""
    french = person.language == "fr"
    usual = LOW_COMMENT_RATE if score <= 6 else WISH_RATE if score <= 8 else COMMENT_RATE
    wish = random.random() < (LATE_COMMENT_RATE if late else usual)
    if not wish:
        return ""
    if late:
        return random.choice(LATE_FR if french else LATE_EN)
    if score <= 6:
        return random.choice(BAD_FR if french else BAD_EN)
    if score <= 8:
        return random.choice(WISH_FR if french else WISH_EN)
    return random.choice(GOOD_FR if french else GOOD_EN)


def improvement_of(seed: int, person: Person, key: str, *, late: bool) -> str:
    """Return what a passive would have liked better, or nothing."""
    random = Random(f"{seed}/improve/{person.id}/{key}")
    if random.random() > (LATE_IMPROVE_RATE if late else IMPROVE_RATE):
        return ""
    french = person.language == "fr"
    if late:
        return random.choice(LATE_FR if french else LATE_EN)
    return random.choice(WISH_FR if french else WISH_EN)


def praise_of(seed: int, person: Person, key: str) -> tuple[str, str] | None:
    """Return what a promoter writes and in which scope it may be published ("": not at all); None: no answer."""
    random = Random(f"{seed}/praise/{person.id}/{key}")
    if random.random() > TESTIMONIAL_RATE:
        return None
    scope = "first_name_and_text" if random.random() < PUBLISH_RATE else ""
    return (PRAISE_FR if person.language == "fr" else PRAISE_EN), scope


@dataclass(frozen=True, slots=True)
class Call:
    """How an agent works on one ticket: when, whether somebody answers, and how it ends."""

    after: timedelta
    misses: int
    outcome: str
    cause: str
    sentence: str


def call_of(seed: int, person: Person, key: str, comment: str) -> Call:
    """Draw how an agent works on a ticket; the same for the same seed, person and ticket key."""
    random = Random(f"{seed}/call/{person.id}/{key}")
    late = comment in (*LATE_FR, *LATE_EN, *BRIEF_LATE["fr"], *BRIEF_LATE["en"])
    cause = "delivery/late" if late else random.choice(OTHER_CAUSES)
    french = person.language == "fr"
    sentence = (
        "Nous avons remplacé votre lampe et remboursé les frais de port."
        if french
        else "We have replaced your lamp and refunded the shipping."
    )
    if late:
        sentence = (
            "Nous vous avons remboursé les frais de port et suivons ce transporteur de près."
            if french
            else "We have refunded your shipping and are watching this carrier closely."
        )
    return Call(
        after=timedelta(minutes=20 + random.expovariate(1 / 80)),
        misses=random.choices((0, 1, 2), (6, 3, 1))[0],
        outcome=random.choices(("solved", "explained", "compensated", "cannot_solve"), (5, 2, 2, 1))[0],
        cause=cause,
        sentence=sentence,
    )
