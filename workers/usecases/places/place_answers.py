"""Takes answers at places, each visit once, and counts them; past a limit one is kept apart and routed nowhere."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import quote

from workers.calendar import in_zone
from workers.domain.changeset import ChangeSet
from workers.domain.customer_case import CustomerCase, UnitOfWork
from workers.domain.mailbox_keys import address_key
from workers.domain.places.claims import Claim
from workers.domain.places.listed import Limit, Place, PlaceKind
from workers.domain.places.receipt_codes import SETTING, read_receipt, receipt_code
from workers.domain.policy import Policy
from workers.domain.records import PlaceAnswer, Response
from workers.domain.reporting.scales import kept_as
from workers.domain.survey.place_answer import (
    Left,
    answer_at_place,
    answer_id,
    claim_mail,
    earlier_answer,
    nameless_customer,
    says_the_same,
)
from workers.domain.survey.response import Answer
from workers.domain.types import Ids
from workers.domain.web_sites import place_of_site
from workers.errors import BadInput
from workers.store import read
from workers.store.apply import apply
from workers.store.connection import Connection
from workers.store.engine import Store
from workers.store.survey import places as stored
from workers.structs import replace

TRAP, USED = "trap", "used"
"""Why an answer is kept apart that filled in what no person sees, or whose receipt was answered before."""


NO_KEYS: Mapping[str, Sequence[bytes]] = {}
SENT_TWICE = timedelta(minutes=10)
"""How long the same answer of a receipt is taken for a form that was sent twice, and not for somebody else's guess."""
NEWEST = 100
"""Answers that the page of a place shows."""


class Taken(StrEnum):
    """What became of an answer: it counts, it is kept apart, or whoever gave it took it back before."""

    KEPT = "kept"
    APART = "kept apart"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an answer, and its id for the link of whoever gave it; empty where that may be somebody else."""

    taken: Taken
    given: str = ""


def receipt_owner(receipt: str) -> str:
    """Return what the answer of a receipt belongs to, as text that no page's key equals."""
    return f"receipt {receipt}"


@dataclass(frozen=True, slots=True)
class Visit:
    """One opened page of a place: `key` is random and the page's own, `network` where it was opened.

    `receipt` is the reference of a purchase whose code was good; such an answer belongs to the receipt, not the page.
    """

    key: str
    network: str
    language: str
    is_trapped: bool = False
    receipt: str = ""

    def owner(self) -> str:
        """Return what the answer belongs to."""
        return receipt_owner(self.receipt) if self.receipt else self.key


@dataclass(frozen=True, slots=True)
class Said:
    """What was filled in; the address is a claim until its owner says so."""

    score: int
    comment: str = ""
    wants_contact: bool = False
    phone: str = ""
    address: str = ""
    half_day: str = ""


@dataclass(frozen=True, slots=True)
class PlaceLine:
    """One place with its link and what was answered there; `place` and `link` are None of one listed no more."""

    id: str
    place: Place | None
    link: str | None
    is_open: bool
    figures: stored.PlaceFigures

    @property
    def label(self) -> str:
        """Return the place's name for people: its label, or its id where it is listed no more."""
        return self.place.label if self.place else self.id

    def as_dict(self) -> dict[str, object]:
        """Return the place as `boucle places --format json` prints it."""
        place, figures = self.place, self.figures
        return {
            "id": self.id,
            "kind": str(place.kind) if place else None,
            "question": place.question.value if place else None,
            "label": self.label,
            "link": self.link,
            "until": place.until.isoformat() if place and place.until else None,
            "open": self.is_open,
            "limits": {str(limit): n for limit, n in place.limits.items()} if place else {},
            "answers": figures.answers,
            **asdict(figures.counts),
            "nps": figures.nps,
            "ratings": [stored.rating_as_dict(rating) for rating in figures.ratings],
            "kept_apart": dict(figures.apart),
        }


class PlaceAnswers:
    """Answers at the places of `rules/places.yaml`; every act is idempotent."""

    def __init__(
        self,
        store: Store,
        policy: Callable[[], Policy],
        now: Callable[[], datetime],
        keys: Mapping[str, Sequence[bytes]] = NO_KEYS,
    ) -> None:
        self._store = store
        self._policy = policy
        self._now = now
        self.keys = keys
        """What signs the receipts of a place, by its id."""

    def open_place(self, id: str) -> Place | None:
        """Return a place that takes answers today, or None."""
        place = self._policy().places.get(id)
        return place if place is not None and self._is_open(place) else None

    def receipt(self, place: Place, code: str) -> str | None:
        """Return the reference of the purchase that a code was printed for; None for one that is not good."""
        return read_receipt(code, self.keys.get(place.id, ()), place.id)

    def sign_receipt(self, id: str, reference: str) -> dict[str, str]:
        """Return the code of a purchase with its link. Raises BadInput for a place that signs none."""
        policy = self._policy()
        place, keys = policy.places.get(id), self.keys.get(id, ())
        if place is None or place.kind is not PlaceKind.RECEIPT:
            raise BadInput(f"{id!r} is no place of the kind receipt in rules/places.yaml")
        if not keys:
            raise BadInput(f"{id} has no key: set {SETTING}={id}:KEY")
        try:
            code = receipt_code(keys[0], id, reference)
        except ValueError as error:
            raise BadInput(f"{reference[:60]!r}: {error}") from error
        return {
            "reference": reference.upper(),
            "code": code,
            "link": f"{policy.links.place_url(id)}?code={quote(code)}",
        }

    def is_used(self, place: Place, receipt: str) -> bool:
        """Tell whether a receipt was answered."""
        given = self._row(place, receipt_owner(receipt), "")
        with self._store.reading() as connection:
            return read.by_owner(connection, PlaceAnswer, given.customer, given.id) is not None

    def answer(self, place: Place, visit: Visit, said: Said) -> Outcome:
        """Take what was said in one visit: new, changed where it is sent again, or kept apart. Raises NotNow.

        A receipt is answered once: the same again changes nothing, and anything else is kept apart.
        """
        policy, now = self._policy(), self._now()
        who = replace(nameless_customer(place, visit.owner(), policy.ids, now), language=visit.language)
        given, of_page = (self._row(place, owner, visit.network) for owner in (visit.owner(), visit.key))
        answer = Answer(said.score, said.comment, said.wants_contact, now, said.phone, said.half_day, place.kind)

        def work(connection: Connection) -> Outcome:
            unit, locked = UnitOfWork(policy, now), read.lock_customers(connection, [who.id])
            earlier = read.by_owner(connection, PlaceAnswer, of_page.customer, of_page.id)
            if earlier is not None and earlier.held:
                return Outcome(Taken.APART, of_page.id)
            if locked:
                case = read.cases_of(connection, unit, locked, (Response, PlaceAnswer))[who.id]
                if case.customer.erased_at and not visit.receipt:
                    return Outcome(Taken.GONE)
                held = USED if visit.receipt and not says_the_same(case, given, answer) else ""
            else:
                case = CustomerCase(who, unit)
                held = TRAP if visit.is_trapped else past_limit(connection, place, given.network, now)
            if held:
                changes = ChangeSet()
                changes.add(replace(of_page, held=held, score=said.score, comment=said.comment))
                apply(connection, changes, now)
                return Outcome(Taken.APART, of_page.id)
            if not locked:
                case.add(who)
            address = "" if has_owner_spoken(case, given.id, said.address) else said.address
            answer_at_place(case, given, Left(place, answer, address, visit.receipt))
            if address:
                claim_address(connection, case, given.id, place.id, address)
            apply(connection, unit.hand_over(), now)
            return Outcome(Taken.KEPT, given.id if is_of_visit(case, given.id, visit) else "")

        return self._store.write(work)

    def _row(self, place: Place, owner: str, network: str) -> PlaceAnswer:
        """Return the row of an answer, that may be stored or not; its network's hash leads nowhere another day."""
        ids, now = self._policy().ids, self._now()
        hashed = ids.keyed_hash("network", place.id, f"{now:%Y-%m-%d}", network)
        who = nameless_customer(place, owner, ids, now)
        id, asked = answer_id(place, owner, ids), kept_as(place.question)
        return PlaceAnswer(id, who.id, place.id, now, hashed, question=asked)

    def lines(self) -> list[PlaceLine]:
        """Return every place with its link and its figures, in the order of the list; then sites, then what is gone."""
        policy = self._policy()
        with self._store.reading() as connection:
            figures = stored.count_by_place(connection)
        listed = [
            PlaceLine(id, place, policy.links.place_url(id), self._is_open(place), figures.get(id, stored.NOTHING))
            for id, place in policy.places.items()
        ]
        sites = [place_of_site(site) for site in policy.sites.values() if site.anonymous]
        listed += [PlaceLine(place.id, place, None, True, figures.get(place.id, stored.NOTHING)) for place in sites]
        gone = [id for id in figures if id not in {line.id for line in listed}]
        return [*listed, *(PlaceLine(id, None, None, False, figures[id]) for id in gone)]

    def line(self, id: str) -> tuple[PlaceLine, list[stored.Words]] | None:
        """Return a place with its newest answers, None for an id that has neither a line in the list nor an answer."""
        line = next((line for line in self.lines() if line.id == id), None)
        if line is None:
            return None
        with self._store.reading() as connection:
            return line, stored.newest_answers(connection, id, NEWEST)

    def _is_open(self, place: Place) -> bool:
        return place.is_open(in_zone(self._now(), self._policy().zone).date())


def has_owner_spoken(case: CustomerCase, answer: str, address: str) -> bool:
    """Tell whether the owner of an address said whether an answer is theirs: the page sent again claims it no more."""
    given = case.get(PlaceAnswer, answer)
    if given is None or given.claim not in (Claim.CONFIRMED, Claim.REFUSED):
        return False
    return given.claim_key == claim_key(address, case.ids)


def claim_key(address: str, ids: Ids) -> str:
    """Return the keyed hash of an address that was typed at a place."""
    return ids.keyed_hash("claim", address_key(address, ids))


def is_of_visit(case: CustomerCase, answer: str, visit: Visit) -> bool:
    """Tell whether an answer was given in this visit: of a receipt, who sends the same later may only have guessed."""
    given = case.get(PlaceAnswer, answer)
    return not visit.receipt or (given is not None and case.now - given.at <= SENT_TWICE)


def claim_address(connection: Connection, case: CustomerCase, answer: str, place: str, address: str) -> None:
    """Have the owner of an address asked whether the answer is theirs, once for an answer, and not too often."""
    given = case.get(PlaceAnswer, answer)
    response = earlier_answer(case, given) if given else None
    if given is None or given.claim is not None or response is None:
        return
    key = claim_key(address, case.ids)
    asks = stored.may_ask_owner(connection, place, key, case.now)
    if asks and not read.suppressed_addresses(connection, {address}, case.ids):
        case.add(claim_mail(case, given, response, address))
        case.change(replace(given, claim=Claim.ASKED, claim_key=key))
    else:
        case.change(replace(given, claim=Claim.UNSENT, claim_key=key))


def past_limit(connection: Connection, place: Place, network: str, now: datetime) -> str:
    """Return the limit that one more answer at a place would go past, empty for none."""
    lately = stored.count_lately(connection, place.id, network, now)
    counted = {Limit.MINUTE: lately.minute, Limit.NETWORK: lately.network, Limit.DAY: lately.day}
    return next((str(limit) for limit, n in counted.items() if n >= place.limits[limit]), "")
