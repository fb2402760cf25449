"""Initiatives: what customers wish for gets a theme, a theme an initiative, and who asked is told when it is done.

Everybody who asked is told once, by a mail of class `survey`: who opted out or was erased is not. Nothing here decides
which answer has which theme: people do.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from workers.domain.policy import Policy
from workers.domain.records import Response
from workers.domain.reporting.nps import Counts
from workers.domain.types import Band
from workers.errors import BadInput, Conflict
from workers.store import read
from workers.store.connection import Connection
from workers.store.engine import Store
from workers.store.report import themes as stored
from workers.store.report.themes import NO_THEME, Initiative, Theme, Wish
from workers.store.sign_in.audit_log import record_act
from workers.usecases.announcements import tell_some

__all__ = [
    "LEVELS",
    "LONGEST_NAME",
    "LONGEST_TEXT",
    "NO_THEME",
    "TEXTS",
    "ImprovementActions",
    "Initiative",
    "InitiativeState",
    "Kind",
    "Theme",
    "ThemeLine",
    "ThemeState",
    "Wish",
    "Work",
    "weight",
]

LONGEST_NAME, LONGEST_TEXT = 80, 300
AT_ONCE = 50
"""Customers told in one transaction: each is locked while their mail is written."""
MIDDLE = 2
"""What counts for an impact or a cost that nobody has judged yet."""
LEVELS = range(4)
TEXTS = ("change", "change_sentence")
"""What those who asked will read, in each language: the change in a few words, and in a sentence."""


class Kind(StrEnum):
    """What a theme is."""

    WISH = "wish"
    COMPETITOR = "competitor"


class ThemeState(StrEnum):
    """Whether a theme is worked on or has been set aside."""

    OPEN = "open"
    SET_ASIDE = "set_aside"


class InitiativeState(StrEnum):
    """How far an initiative is; what is done stays done."""

    PLANNED = "planned"
    DOING = "doing"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class ThemeLine:
    """One theme of the list: who wishes for it, what is done about it, and how many still wait to be told."""

    theme: Theme
    counts: Counts
    weight: float
    initiatives: tuple[Initiative, ...]


@dataclass(frozen=True, slots=True)
class Work:
    """One initiative with how many were told and how many asked and were not."""

    initiative: Initiative
    told: int
    waiting: int


def weight(theme: Theme, n: int) -> float:
    """Return what a theme is ranked by: how many ask for it, times impact, over cost; unjudged counts as middling."""
    return n * (theme.impact or MIDDLE) / (theme.cost or MIDDLE)


class ImprovementActions:
    """Carries out what a person does about wishes; every act leaves a row in the audit trail."""

    def __init__(self, store: Store, policy: Callable[[], Policy], now: Callable[[], datetime]) -> None:
        self._store = store
        self._policy = policy
        self._now = now

    def themes(self) -> list[ThemeLine]:
        """Return every theme, the weightiest first; what was set aside comes last."""
        with self._store.reading() as connection:
            themes, bands = stored.themes(connection), stored.bands(connection)
            work = stored.initiatives(connection)
        lines = [line_of(theme, bands.get(theme.id, {}), work) for theme in themes]
        return sorted(lines, key=lambda line: (line.theme.state == ThemeState.SET_ASIDE, -line.weight, line.theme.name))

    def theme(self, id: int) -> ThemeLine | None:
        """Return one theme as the list has it; None for an unknown number."""
        return next((line for line in self.themes() if line.theme.id == id), None)

    def unsorted(self, *, comments: bool = False, limit: int = 10) -> tuple[int, list[Wish]]:
        """Return how many answers wait for a theme, and the newest; `comments` takes comments below 9 as well."""
        with self._store.reading() as connection:
            return stored.unsorted_wishes(connection, Kind.WISH, limit, comments=comments)

    def sorted_as(self, theme: int, limit: int = 100) -> tuple[int, list[Wish]]:
        """Return how many answers have a theme, and the newest."""
        with self._store.reading() as connection:
            return stored.sorted_wishes(connection, theme, limit)

    def work(self, theme: int) -> list[Work]:
        """Return the initiatives of a theme; who asked twice is told once and counts once."""
        with self._store.reading() as connection:
            told_counts = stored.count_told(connection)
            initiatives = stored.initiatives(connection, theme=theme)
            return [
                Work(initiative, told_counts.get(initiative.id, 0), persons(stored.askers(connection, initiative)))
                for initiative in initiatives
            ]

    def add_theme(self, name: str, kind: Kind, by: str) -> int:
        """Add a theme and return its number; one of that name is returned as it is. Raises BadInput without a name."""
        name, now = named(name), self._now()

        def work(connection: Connection) -> int:
            namesake = next(
                (theme for theme in stored.themes(connection) if theme.name.casefold() == name.casefold()), None
            )
            if namesake is not None:
                return namesake.id
            values = {"name": name, "kind": kind.value, "state": ThemeState.OPEN.value, "impact": 0, "cost": 0}
            key = stored.add_theme(connection, **values)
            record_act(connection, now, by, "theme.add", f"theme {key}", {"kind": str(kind)})
            return key

        return self._store.write(work)

    def judge(self, id: int, *, name: str, impact: int, cost: int, state: ThemeState, by: str) -> bool:
        """Keep a theme's name, impact, cost and state; False for a theme that there is not. Raises BadInput."""
        if impact not in LEVELS or cost not in LEVELS:
            raise BadInput("Impact and cost are 1 to 3, or 0 when nobody has judged them yet.")
        values = {"name": named(name), "impact": impact, "cost": cost, "state": state.value}
        now = self._now()

        def work(connection: Connection) -> bool:
            changed = stored.change_theme(connection, id, **values)
            if changed:
                said = {"impact": impact, "cost": cost, "state": str(state)}
                record_act(connection, now, by, "theme.judge", f"theme {id}", said)
            return changed

        return self._store.write(work)

    def sort(self, response: str, theme: int, by: str) -> bool:
        """Give an answer a theme (`NO_THEME`: it was read and has none). Idempotent; False for what there is not."""
        now = self._now()

        def work(connection: Connection) -> bool:
            answer = read.by_key(connection, Response, response) if read.is_id(response) else None
            there = theme == NO_THEME or any(row.id == theme for row in stored.themes(connection))
            if answer is None or not there:
                return False
            if stored.put_theme(connection, response, theme, now, by):
                record_act(connection, now, by, "theme.put", f"response {response}", {"theme": theme})
            return True

        return self._store.write(work)

    def unsort(self, response: str, theme: int, by: str) -> bool:
        """Take a theme from an answer again. Idempotent; False when it does not have it."""
        now = self._now()

        def work(connection: Connection) -> bool:
            gone = read.is_id(response) and stored.take_theme(connection, response, theme)
            if gone:
                record_act(connection, now, by, "theme.take", f"response {response}", {"theme": theme})
            return gone

        return self._store.write(work)

    def add_initiative(
        self, theme: int, *, name: str, owner: str, texts: Mapping[str, Mapping[str, str]], by: str
    ) -> int:
        """Add an initiative to a theme and return its number; raises BadInput without a name or for no theme."""
        name, said, now = named(name), checked(texts), self._now()

        def work(connection: Connection) -> int:
            if not any(row.id == theme for row in stored.themes(connection)):
                raise BadInput("There is no such theme.")
            values = {"theme": theme, "name": name, "owner": owner.strip()[:LONGEST_NAME], "texts": said}
            state = {"state": InitiativeState.PLANNED.value, "version": 1, "created_at": now, "done_at": None}
            key = stored.add_initiative(connection, **values, **state)
            record_act(connection, now, by, "initiative.add", f"initiative {key}", {"theme": theme})
            return key

        return self._store.write(work)

    def change_initiative(
        self,
        id: int,
        version: int,
        *,
        name: str,
        owner: str,
        state: InitiativeState,
        texts: Mapping[str, Mapping[str, str]],
        by: str,
    ) -> int:
        """Keep an initiative's new state; done tells everybody who asked. Returns how many were told now.

        Raises Conflict when somebody else changed it, BadInput for what is done already or has nothing to tell.
        """
        named_now, said, now = named(name), checked(texts), self._now()

        def work(connection: Connection) -> None:
            initiative = stored.initiative(connection, id)
            if initiative is None:
                raise BadInput("There is no such initiative.")
            if initiative.version != version:
                raise Conflict("Somebody else has changed this initiative: look again, then decide.")
            if initiative.state == InitiativeState.DONE:
                raise BadInput("This is done, and who asked was told: add another initiative for what follows.")
            done = state == InitiativeState.DONE
            if done and not said:
                raise BadInput("Write what those who asked will read before it is done.")
            values = {"name": named_now, "owner": owner.strip()[:LONGEST_NAME], "texts": said, "state": state.value}
            more = {"version": version + 1, "done_at": now if done else None}
            stored.change_initiative(connection, id, **values, **more)
            record_act(connection, now, by, f"initiative.{state}", f"initiative {id}")

        self._store.write(work)
        return self.tell(id, by) if state == InitiativeState.DONE else 0

    def tell(self, id: int, by: str) -> int:
        """Tell everybody who asked for what is done and was not told yet; returns how many. Idempotent."""
        with self._store.reading() as connection:
            initiative = stored.initiative(connection, id)
            if initiative is None or initiative.done_at is None:
                return 0
            latest = dict(stored.askers(connection, initiative))  # of several answers of one person the newest
        policy, now, count = self._policy(), self._now(), 0
        for chunk in read.chunks(latest, AT_ONCE):
            wanted = {who: latest[who] for who in chunk}
            count += self._store.write(lambda connection: tell_some(connection, initiative, wanted, policy, now))  # noqa: B023  # runs before the next turn
        said = {"told": count}
        self._store.write(
            lambda connection: record_act(connection, now, by, "initiative.tell", f"initiative {id}", said)
        )
        return count

    def add_note(self, at: datetime, text: str, by: str) -> None:
        """Write a dated note on the report's charts; raises BadInput for an empty or a long one."""
        cleaned, now = " ".join(text.split()), self._now()
        if not cleaned or len(cleaned) > LONGEST_TEXT:
            raise BadInput(f"A note has 1 to {LONGEST_TEXT} characters.")

        def work(connection: Connection) -> None:
            key = stored.add_note(connection, at, cleaned, by)
            record_act(connection, now, by, "note.add", f"note {key}")

        self._store.write(work)

    def remove_note(self, id: int, by: str) -> None:
        """Take a note off the charts. Idempotent."""
        now = self._now()

        def work(connection: Connection) -> None:
            if stored.delete_note(connection, id):
                record_act(connection, now, by, "note.remove", f"note {id}")

        self._store.write(work)


def line_of(theme: Theme, bands: Mapping[str, int], work: list[Initiative]) -> ThemeLine:
    """Return a theme with its weight and, of all `work`, its own initiatives; `bands` are its answers by band."""
    counts = Counts(*(bands.get(band.value, 0) for band in (Band.PROMOTER, Band.PASSIVE, Band.DETRACTOR)))
    return ThemeLine(
        theme, counts, weight(theme, counts.n), tuple(initiative for initiative in work if initiative.theme == theme.id)
    )


def persons(askers: list[tuple[str, str]]) -> int:
    """Return how many persons asked: who asked twice is one."""
    return len({who for who, _ in askers})


def named(name: str) -> str:
    """Return a name on one line; raises BadInput for none or a long one."""
    cleaned = " ".join(name.split())
    if not cleaned or len(cleaned) > LONGEST_NAME or not cleaned.isprintable():
        raise BadInput(f"A name has 1 to {LONGEST_NAME} characters.")
    return cleaned


def checked(texts: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Return the texts by language on one line each, without empty ones; raises BadInput for half a pair."""
    pairs: dict[str, dict[str, str]] = {}
    for language, said in texts.items():
        pair = {name: " ".join(said.get(name, "").split())[:LONGEST_TEXT] for name in TEXTS}
        if all(pair.values()):
            pairs[language] = {**pair, "change_sentence": pair["change_sentence"].rstrip(".")}
        elif any(pair.values()):
            raise BadInput("Write both texts of a language, the short one and the sentence, or none.")
    return pairs
